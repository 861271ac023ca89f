-- Rules 1, 2, 3, 4, 6, 11 and 12 as one query, as somebody who knows DuckDB well would ask it.
-- compare.py sets the variables: input (a file, or a glob), high_risk, api_lists and error_codes (akguard's lists).
-- It is written for speed: only columns in use are read, one small hash join, no row goes further than it must.
-- It leaves out: dropping repeated events, broken lines, console calls told by the request alone, keys made by a request
-- parameter, and the address of the person behind a console call. The made-up data has none of the first three.

create macro family(service) as
    case lower(service) when 'cbs' then 'cvm' when 'vpc' then 'cvm' when 'autoscaling' then 'as' else lower(service) end;
create macro is_zero(code) as (code is null or code = '0' or code = '');
create macro of_service(kind, person) as coalesce(
    lower(kind) = 'tencentcloudservice'
        or (lower(kind) in ('assumedrole', 'camrole')
            and (contains(person, 'QCSRole') or contains(person, 'QCSLinkedRole'))),
    false);

-- Everything the lists say of an API, so that one join is enough. Two calls make a key only with a certain parameter.
-- They are left out: to tell them, request bodies would have to be read.
create table apis as
select family(service) as service, lower(action) as action,
    coalesce(bool_or(list = 'high_risk'), false) as risky,
    coalesce(bool_or(list = 'high_risk' and category in ('impact', 'persistence', 'execution', 'defense-evasion',
        'network-exposure', 'privilege-escalation')), false) as sensitive,
    coalesce(bool_or(list = 'create_key'), false) as makes_key,
    coalesce(bool_or(list = 'create_resource'), false) as makes_resource
from (
    select 'high_risk' as list, service, action, category
    from read_csv(getvariable('high_risk'), delim = '\t', header = true, comment = '#')
    where tier = 'core'
    union all
    select list, service, action, null
    from read_csv(getvariable('api_lists'), delim = '\t', header = true, comment = '#')
    where list in ('create_key', 'create_resource') and "when" = 'always'
)
group by all;

create table codes as
select pattern, match = 'prefix' as starts, denied
from read_csv(getvariable('error_codes'), delim = '\t', header = true, comment = '#', all_varchar = true);

-- Few calls fail, so their codes are looked up in lists rather than joined.
set variable denied_codes = (select list(pattern) from codes where not starts and denied = 'yes');
set variable other_codes = (select list(pattern) from codes where not starts and denied <> 'yes');
set variable denied_start = (
    select '^(' || string_agg(replace(pattern, '.', '\.'), '|') || ')' from codes where starts and denied = 'yes'
);

with events as (
    select
        userIdentity.secretId as key,
        sourceIPAddress as address,
        lower(resourceType) as service,
        eventName as action,
        eventType = 'ApiCall' as api,
        userIdentity.userName as person,
        userAgent as client,
        lower(actionType) = 'write' as writes,
        case
            when not is_zero(apiErrorCode) then apiErrorCode
            when not is_zero(errorCode) then errorCode
            when apiErrorMessage <> '' then apiErrorMessage
            else '0'
        end as code,
        errorCode in ('4101', '4102', '4103', '4110') as refused,
        is_zero(errorCode) as permitted,
        userIdentity.type ilike 'root' or userIdentity.principalId = userIdentity.accountId as root,
        -- A permanent key's id has 36 characters, that of a session more.
        length(userIdentity.secretId) <= 36 as permanent,
        userIdentity.type as kind,
        make_timestamp((eventTime + 8 * 3600) * 1000000) as moment
    from read_json(getvariable('input'), format = 'newline_delimited', columns = {
        eventTime: 'BIGINT', eventName: 'VARCHAR', resourceType: 'VARCHAR', eventType: 'VARCHAR',
        actionType: 'VARCHAR', errorCode: 'VARCHAR', apiErrorCode: 'VARCHAR', apiErrorMessage: 'VARCHAR',
        sourceIPAddress: 'VARCHAR', userAgent: 'VARCHAR', eventPlatform: 'VARCHAR',
        userIdentity: 'STRUCT(principalId VARCHAR, accountId VARCHAR, secretId VARCHAR, "type" VARCHAR, userName VARCHAR)'
    })
    where userIdentity.secretId <> '' and coalesce(eventPlatform, '') not in ('1', 'true')
), known as (
    select events.*, coalesce(risky, false) as risky, coalesce(sensitive, false) as sensitive,
        coalesce(makes_key, false) as makes_key, coalesce(makes_resource, false) as makes_resource
    from events
    left join apis on apis.service = family(events.service) and apis.action = lower(events.action)
), hits as (
    select *, unnest(list_filter([
        case when root and permanent and api and risky then 'root-key-high-risk-api' end,
        case when api and risky and not of_service(kind, person) then 'non-console-high-risk-api' end,
        case when api and code <> '0' and not of_service(kind, person) and (
            refused
            or list_contains(getvariable('denied_codes'), code)
            or (code = 'AuthFailure' and not permitted)
            or (regexp_matches(code, getvariable('denied_start'))
                and not list_contains(getvariable('other_codes'), code))
        ) then 'unauthorized-service-call' end,
        case when makes_key and code = '0' then 'create-key' end,
        case when writes and not of_service(kind, person) and (hour(moment) >= 22 or hour(moment) < 6) and (
            sensitive
            or (regexp_matches(action, '^(Batch|Force)?(Delete|Terminate|Destroy|Isolate|Offline|Purge|Recycle|Clear|CleanUp|Drop|Remove|Erase|Wipe|Uninstall|Revoke|Return|Refund|Release)([A-Z].*)?$')
                and not regexp_matches(action, '^Release(Isolated|.*Isolated)|(ExportJob|WhiteList|Tags?|Dashboards?|Templates?)$'))
        ) then 'off-hours-sensitive-operation' end,
        case when client ilike '%cosbrowser%' or client ilike '%cos-browser%' then 'cos-browser-call' end,
        case when api and makes_resource and code = '0' and not of_service(kind, person) then 'create-resource-api' end
    ], lambda rule: rule is not null)) as rule
    from known
    where risky or makes_key or makes_resource or code <> '0' or (writes and (hour(moment) >= 22 or hour(moment) < 6))
        or client ilike '%cosbrowser%' or client ilike '%cos-browser%'
)
select rule, key, address, service, action, api, person, code, moment::date as day,
    count(*) as calls, min(moment) as first_call, max(moment) as last_call
from hits
group by all;
