//! Who made a call: the kind of identity and the name to show.

use crate::event::raw::RawEvent;
use crate::event::words::UserType;

/// The kind of caller and its name.
///
/// The names behind `roleUser` are in the session; a row without an inner event knows only a user name.
pub fn identify<'a>(event: &RawEvent<'a>) -> (UserType, &'a str) {
    let kind = event.identity_type;
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    let own_account = !event.account.is_empty() && event.principal == event.account;
    if is("root") || own_account || (kind.is_empty() && event.user_name == "root") {
        return (UserType::Root, "root");
    }
    let role = is("AssumedRole") || is("CAMRole") || (kind.is_empty() && event.user_name == "roleUser");
    let name = if role || is("TencentCloudService") { role_name(event) } else { event.user_name };
    let name = if name.is_empty() { event.principal } else { name };
    if is("TencentCloudService") || (role && (name.contains("QCSRole") || name.contains("QCSLinkedRole"))) {
        (UserType::Service, name)
    } else if role {
        (UserType::Role, name)
    } else {
        (UserType::SubAccount, name)
    }
}

fn role_name<'a>(event: &RawEvent<'a>) -> &'a str {
    let names = [
        if event.user_name == "roleUser" { "" } else { event.user_name },
        event.session.role_name,
        event.role_session_name,
        event.session.role_session_name,
    ];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::raw::Session;

    fn event(kind: &'static str, user: &'static str) -> RawEvent<'static> {
        RawEvent {
            identity_type: kind,
            user_name: user,
            principal: "100000000002",
            account: "100000000001",
            ..RawEvent::default()
        }
    }

    #[test]
    fn root_is_told_by_type_or_by_its_own_account() {
        assert_eq!(identify(&event("ROOT", "x")), (UserType::Root, "root"));
        let own = RawEvent { principal: "100000000001", ..event("CAMUser", "x") };
        assert_eq!(identify(&own), (UserType::Root, "root"));
        let nobody = RawEvent { principal: "", account: "", ..event("CAMUser", "ci") };
        assert_eq!(identify(&nobody), (UserType::SubAccount, "ci"));
    }

    #[test]
    fn a_role_is_named_by_user_then_session() {
        assert_eq!(identify(&event("AssumedRole", "deploy")), (UserType::Role, "deploy"));
        let session = Session { role_name: "ops", ..Session::default() };
        assert_eq!(identify(&RawEvent { session, ..event("CAMRole", "roleUser") }), (UserType::Role, "ops"));
        let named = RawEvent { role_session_name: "s1", ..event("AssumedRole", "roleUser") };
        assert_eq!(identify(&named), (UserType::Role, "s1"));
    }

    #[test]
    fn roles_made_for_services_are_services() {
        assert_eq!(identify(&event("TencentCloudService", "TKE_QCSRole")).0, UserType::Service);
        assert_eq!(identify(&event("AssumedRole", "TAT_QCSLinkedRoleInCommand")).0, UserType::Service);
        assert_eq!(identify(&event("CAMUser", "QCSRole-fan")).0, UserType::SubAccount);
    }
}
