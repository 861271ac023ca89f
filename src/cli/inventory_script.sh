#!/bin/sh
# Saves who may do what in a Tencent Cloud account, and its networks, for akguard.
#
#   sh inventory.sh [FOLDER]          (default: akguard-inventory-YYYY-MM-DD)
#   akguard scan logs/ --inventory FOLDER
#
# Needs tccli (https://cloud.tencent.com/product/cli), set up and allowed to call the actions below, and what
# every POSIX system has. akguard itself needs no credentials and opens no connection; this script is the only
# part that does, through tccli, and it only reads.
#
#   cam  GetUserAppId ListUsers ListAccessKeys GetSecurityLastUsed ListAttachedUserAllPolicies
#        ListGroupsForUser GetUserPermissionBoundary ListGroups ListUsersForGroup ListAttachedGroupPolicies
#        DescribeRoleList ListAttachedRolePolicies GetRolePermissionBoundary GetPolicy
#   cvm  DescribeRegions DescribeInstances
#   vpc  DescribeAddresses DescribeVpcs DescribeSubnets DescribeNatGateways DescribeNetworkInterfaces
#   clb  DescribeLoadBalancers
#
# The provider's policies QcloudCamReadOnlyAccess, QcloudCVMReadOnlyAccess, QcloudVPCReadOnlyAccess and
# QcloudCLBReadOnlyAccess allow these, as far as their names tell. Networks are read in all regions; to read some only:
#
#   REGIONS="ap-guangzhou ap-shanghai" sh inventory.sh
#
# A call that fails is told at the end, its file is left out, and the exit code is 1; the rest is saved and of
# use. The folder holds names and key ids, but no secret keys, which are never asked for, and no phone numbers
# and mail addresses, which are blanked. Only you may open it.

set -u
umask 077

# cam is the same in every region; tccli wants one all the same.
HOME_REGION=ap-guangzhou

case ${1-} in
-*)
    echo "usage: sh inventory.sh [FOLDER]" >&2
    exit 2
    ;;
esac
folder=${1:-akguard-inventory-$(date +%Y-%m-%d)}

if ! command -v tccli > /dev/null 2>&1; then
    echo "tccli is not installed, or not in PATH" >&2
    exit 2
fi
if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
    echo "$folder is not empty: old files would mix with new ones; name another folder" >&2
    exit 2
fi
mkdir -p "$folder" && cd "$folder" || exit 2

trap 'rm -f .reply .error .failed' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
: > .failed

# fail WORDS: keeps what went wrong for the end.
fail() {
    echo "$*" >> .failed
}

# call FILE SERVICE ACTION [OPTION ...]: adds a reply to the file. The reply stays in .reply as well. Calls that
# come too fast for the provider are made again, up to five times in all.
call() {
    tries=1
    while ! once "$@"; do
        case $code in
        *LimitExceeded*) ;;
        *) break ;;
        esac
        [ "$tries" -ge 5 ] && break
        sleep "$tries"
        tries=$((tries + 1))
    done
    [ -z "$code" ] && return 0
    case $1:$code in
    # Nothing is set: not a failure.
    *bound-*:ResourceNotFound*) ;;
    *) fail "$2 $3 for $1: $code" ;;
    esac
    rm -f "$1"
    return 1
}

# once FILE SERVICE ACTION [OPTION ...]: makes a call once. What went wrong is in $code, which is empty when all is well.
once() {
    file=$1
    service=$2
    action=$3
    shift 3
    code=
    if tccli "$service" "$action" --output json "$@" < /dev/null > .reply 2> .error && [ -s .reply ]; then
        sed -e 's/"PhoneNum": *"[^"\\]*"/"PhoneNum": ""/g' \
            -e 's/"Email": *"[^"\\]*"/"Email": ""/g' .reply >> "$file"
        return 0
    fi
    # Of what tccli says only the code is repeated.
    code=$(cat .error .reply | sed -n 's/.*[Cc]ode"\{0,1\}: *"\{0,1\}\([A-Za-z0-9._-]*\).*/\1/p' | sed -n 1p)
    code=${code:-no reply}
    return 1
}

# number FIELD: prints a number of the last reply, or 0.
number() {
    found=$(sed -n 's/.*"'"$1"'": *\([0-9]\{1,9\}\).*/\1/p' .reply | sed -n 1p)
    echo "${found:-0}"
}

# pages FILE SERVICE ACTION [OPTION ...]: calls for page after page of 200, until TotalNum.
pages() {
    page=1
    while [ "$page" -le 500 ]; do
        call "$@" --Page "$page" --Rp 200 || return 1
        [ $((page * 200)) -ge "$(number TotalNum)" ] && return 0
        page=$((page + 1))
    done
}

# parts FILE SERVICE ACTION [OPTION ...]: the same for calls that count by offset, until TotalCount.
parts() {
    offset=0
    while [ "$offset" -le 50000 ]; do
        call "$@" --Offset "$offset" --Limit 100 || return 1
        offset=$((offset + 100))
        [ "$offset" -ge "$(number TotalCount)" ] && return 0
    done
}

# ids FIELD FILE ...: prints the distinct values of a field. They become names of files and options, so
# anything but letters, digits and _ @ . - is refused. A quote inside a text is escaped: no text can pose
# as a field.
ids() {
    field=$1
    shift
    for saved in "$@"; do
        [ -f "$saved" ] || continue
        tr '{}[],\r' '[\n*]' < "$saved" |
            sed -n 's/^ *"'"$field"'": *"\{0,1\}//p' | sed 's/"\{0,1\} *$//' | grep -v '^null$'
    done | sort -u | while IFS= read -r id; do
        case $id in
        '' | 0) ;;
        [!A-Za-z0-9]* | *[!A-Za-z0-9_@.-]*) fail "an odd $field in $*: left out" ;;
        *) echo "$id" ;;
        esac
    done
}

echo "account and users" >&2
if ! call account.json cam GetUserAppId --region "$HOME_REGION"; then
    echo "the very first call failed ($code), so nothing was saved; try it by hand to see why:" >&2
    echo "  tccli cam GetUserAppId --region $HOME_REGION" >&2
    exit 1
fi
call users.json cam ListUsers --region "$HOME_REGION"

owner=$(ids OwnerUin account.json | sed -n 1p)
if [ -n "$owner" ]; then
    call "keys-$owner.json" cam ListAccessKeys --region "$HOME_REGION" --TargetUin "$owner"
fi
for uin in $(ids Uin users.json); do
    [ "$uin" = "$owner" ] && continue
    echo "user $uin" >&2
    call "keys-$uin.json" cam ListAccessKeys --region "$HOME_REGION" --TargetUin "$uin"
    pages "upol-$uin.json" cam ListAttachedUserAllPolicies --region "$HOME_REGION" --TargetUin "$uin" --AttachType 0
    pages "groups-$uin.json" cam ListGroupsForUser --region "$HOME_REGION" --SubUin "$uin"
    call "ubound-$uin.json" cam GetUserPermissionBoundary --region "$HOME_REGION" --TargetUin "$uin"
done

echo "last use of keys" >&2
# last_used: asks for the keys gathered so far.
last_used() {
    part=$((part + 1))
    call "lastused-$part.json" cam GetSecurityLastUsed --region "$HOME_REGION" --SecretIdList "[$list]"
    list=
    count=0
}
list=
count=0
part=0
for key in $(ids AccessKeyId keys-*.json); do
    list="$list${list:+,}\"$key\""
    count=$((count + 1))
    if [ "$count" -eq 10 ]; then last_used; fi
done
if [ "$count" -gt 0 ]; then last_used; fi

echo "groups" >&2
pages groups.json cam ListGroups --region "$HOME_REGION"
for group in $(ids GroupId groups.json groups-*.json); do
    pages "gusers-$group.json" cam ListUsersForGroup --region "$HOME_REGION" --GroupId "$group"
    pages "gpol-$group.json" cam ListAttachedGroupPolicies --region "$HOME_REGION" --TargetGroupId "$group"
done

echo "roles" >&2
pages roles.json cam DescribeRoleList --region "$HOME_REGION"
for role in $(ids RoleId roles.json); do
    pages "rpol-$role.json" cam ListAttachedRolePolicies --region "$HOME_REGION" --RoleId "$role"
    call "rbound-$role.json" cam GetRolePermissionBoundary --region "$HOME_REGION" --RoleId "$role"
done

echo "policies" >&2
for policy in $(ids PolicyId upol-*.json gpol-*.json rpol-*.json); do
    call "policy-$policy.json" cam GetPolicy --region "$HOME_REGION" --PolicyId "$policy"
done

regions=${REGIONS-}
if [ -z "$regions" ]; then
    call regions.json cvm DescribeRegions --region "$HOME_REGION" && regions=$(ids Region regions.json)
    # akguard has no use for the list itself.
    rm -f regions.json
fi
for region in $regions; do
    case $region in
    [!A-Za-z0-9]* | *[!A-Za-z0-9-]*)
        fail "$region is not a region"
        continue
        ;;
    esac
    echo "networks of $region" >&2
    parts "cvm-$region.json" cvm DescribeInstances --region "$region"
    parts "eip-$region.json" vpc DescribeAddresses --region "$region"
    parts "vpc-$region.json" vpc DescribeVpcs --region "$region"
    parts "subnet-$region.json" vpc DescribeSubnets --region "$region"
    parts "nat-$region.json" vpc DescribeNatGateways --region "$region"
    parts "eni-$region.json" vpc DescribeNetworkInterfaces --region "$region"
    parts "clb-$region.json" clb DescribeLoadBalancers --region "$region"
done

echo "saved in $folder" >&2
if [ -s .failed ]; then
    echo "not everything could be read; what these would have told is missing:" >&2
    sed 's/^/  /' .failed >&2
    exit 1
fi
