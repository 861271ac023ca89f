//! What to do about an alarm: the rule's steps, pages of the console, and what a recommendation says of the key.

use crate::alarm::model::{Alarm, CallRecord};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::detect::AlarmType;
use crate::event::words::{TEMP_AK, UserType};
use crate::inventory::Inventory;
use crate::recommend::input::{Case, Holder, HolderKind, Options};
use crate::recommend::output::Recommendation;
use crate::recommend::recommend;
use crate::recommend::stops::{About, Called, Short, short};
use crate::store::cases::{Reader, cases};
use crate::store::holders::Wanted;
use crate::store::inventory::stored;
use crate::store::{Db, StoreError};
use chrono_tz::Tz;

/// Pages of the console where somebody acts on an alarm: field in JSON, name among the texts, address.
pub const CONSOLE: [(&str, &str, &str); 4] = [
    ("api_keys", "api_keys", "https://console.cloud.tencent.com/cam/capi"),
    ("policies", "policies_page", "https://console.cloud.tencent.com/cam/policy"),
    ("users", "users", "https://console.cloud.tencent.com/cam"),
    ("cloudaudit", "cloudaudit", "https://console.cloud.tencent.com/cloudaudit"),
];

/// Says of alarms what a recommendation for the owner of their key would have changed. Quickest where alarms of one key
/// follow each other.
pub struct Advisor<'d> {
    db: &'d Db,
    inventory: Inventory,
    zone: Tz,
    now: i64,
    risk: RiskCatalog,
    last: Option<(Whose, Vec<Advised>)>,
}

/// One user or role, and what is recommended for it.
type Advised = (Case, Recommendation);
/// Key, whether it is a role's, and for temporary keys the user or role.
type Whose = (String, bool, Option<String>);

impl<'d> Advisor<'d> {
    /// An advisor that knows what the database knows.
    pub fn new(db: &'d Db, zone: Tz, now: i64) -> Result<Self, StoreError> {
        Ok(Self { db, inventory: stored(db)?, zone, now, risk: RiskCatalog::builtin(), last: None })
    }

    /// What to do about the alarm's key, what would have stopped the alarm, and the recommendation this is from; none where
    /// nobody knows whose key it is.
    pub fn about(
        &mut self,
        alarm: &Alarm,
        records: &[&CallRecord],
    ) -> Result<Option<(Short, &Recommendation)>, StoreError> {
        let temporary = alarm.ak == TEMP_AK;
        let is_role = records.iter().any(|one| matches!(one.user_type, UserType::Role | UserType::Service));
        let whose: Whose = (alarm.ak.clone(), is_role, alarm.user.clone().filter(|_| temporary));
        if self.last.as_ref().is_none_or(|(last, _)| *last != whose) {
            self.last = Some((whose.clone(), self.advised(&whose)?));
        }
        let all = self.last.iter().flat_map(|(_, all)| all);
        let own = |(case, _): &&Advised| alarm.account.as_deref() == Some(case.holder.account.as_str());
        let Some((case, rec)) = all.into_iter().find(own) else { return Ok(None) };
        let called = |one: &&CallRecord| Called {
            service: one.service.clone(),
            action: one.action.clone(),
            succeeded: one.success > 0,
        };
        let calls: Vec<Called> = records.iter().map(called).collect();
        let about = About { ak: &alarm.ak, leak: alarm.meta.kind == AlarmType::Leak, calls: &calls };
        Ok(Some((short(case, rec, &about, (CamCatalog::builtin(), &self.risk)), rec)))
    }

    fn advised(&self, (ak, is_role, user): &Whose) -> Result<Vec<Advised>, StoreError> {
        let wanted = match (ak == TEMP_AK, is_role, user.clone()) {
            (false, _, _) => Wanted::Key(ak.clone()),
            (true, true, Some(role)) => Wanted::Role(role),
            (true, false, Some(user)) => Wanted::User(user),
            (true, _, None) => return Ok(Vec::new()),
        };
        let reader = Reader { inventory: &self.inventory, zone: self.zone, since: None, now: self.now };
        let cam = CamCatalog::builtin();
        let of = |case: Case| {
            let rec = recommend(&case, &Options::default(), cam, &self.risk).ok()?;
            Some((case, rec))
        };
        Ok(cases(self.db, &wanted, &reader)?.into_iter().filter_map(of).collect())
    }
}

/// The command that shows the recommendation in full.
pub fn recommend_command(holder: &Holder) -> String {
    let option = if holder.kind == HolderKind::Role { "--role" } else { "--user" };
    let name = if holder.name.is_empty() { &holder.id } else { &holder.name };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return format!("akguard policy recommend {option} {name}");
    }
    // A name that looks like an option is none behind the sign.
    format!("akguard policy recommend {option}='{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_take_any_name_as_a_name() {
        let command = |kind, name: &str| {
            let (name, id) = (name.to_string(), "1".to_string());
            recommend_command(&Holder { kind, name, id, account: String::new(), app_id: String::new() })
        };
        assert_eq!(command(HolderKind::Role, "ops-lead"), "akguard policy recommend --role ops-lead");
        assert_eq!(command(HolderKind::User, ""), "akguard policy recommend --user 1");
        assert_eq!(command(HolderKind::User, "--help"), "akguard policy recommend --user='--help'");
        assert_eq!(command(HolderKind::User, "it's $x"), r"akguard policy recommend --user='it'\''s $x'");
    }
}
