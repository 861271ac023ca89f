//! `akguard inventory-script`: prints the shell script that saves what `--inventory` reads.

use super::output::write_to;
use anyhow::Result;

/// The script as it is printed.
const SCRIPT: &str = include_str!("inventory_script.sh");

/// Print a shell script that saves users, keys, policies and networks
///
/// The script calls tccli, Tencent Cloud's command line tool, with the credentials that tccli is set up
/// with; it only reads. Run it where tccli works, then hand the folder it fills to akguard. akguard itself
/// needs no credentials and opens no connection.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard inventory-script > inventory.sh\n  sh inventory.sh inventory/\n  REGIONS=\"ap-guangzhou ap-shanghai\" sh inventory.sh inventory-guangzhou/\n  akguard scan logs/ --inventory inventory/"
)]
pub(super) struct Args {}

/// Prints the script.
pub(super) fn run(_: &Args) -> Result<u8> {
    write_to(None, |out| out.write_all(SCRIPT.as_bytes()))?;
    Ok(super::exit::DONE)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::SCRIPT;
    use crate::inventory::grants::{PolicyKind, Via};
    use crate::inventory::{self, Inventory};
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    /// A folder with the script, a stand-in for tccli, and the replies it answers with.
    struct Stage {
        folder: tempfile::TempDir,
    }

    impl Stage {
        fn new() -> Self {
            let stage = Self { folder: tempfile::tempdir().unwrap() };
            let fixtures = fixtures();
            for made in ["bin", "replies"] {
                fs::create_dir(stage.path(made)).unwrap();
            }
            fs::copy(fixtures.join("tccli.sh"), stage.path("bin/tccli")).unwrap();
            fs::set_permissions(stage.path("bin/tccli"), fs::Permissions::from_mode(0o755)).unwrap();
            for reply in fs::read_dir(fixtures.join("script")).unwrap() {
                let reply = reply.unwrap();
                fs::copy(reply.path(), stage.path("replies").join(reply.file_name())).unwrap();
            }
            fs::write(stage.path("inventory.sh"), SCRIPT).unwrap();
            stage
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn answer(&self, call: &str, reply: &serde_json::Value) {
            fs::write(self.path("replies").join(format!("{call}.json")), format!("{reply:#}\n")).unwrap();
        }

        fn run(&self, arguments: &[&str]) -> Output {
            let path = std::env::var("PATH").unwrap();
            let mut sh = Command::new("sh");
            sh.arg("inventory.sh").args(arguments).current_dir(self.folder.path());
            sh.env("PATH", format!("{}:{path}", self.path("bin").display()));
            sh.env("REPLIES", self.path("replies")).env("CALLS", self.path("calls"));
            sh.env_remove("REGIONS").output().unwrap()
        }

        fn calls(&self) -> String {
            fs::read_to_string(self.path("calls")).unwrap()
        }

        fn load(&self, name: &str) -> Inventory {
            inventory::load(&[self.path(name)], 28_800).unwrap().0
        }
    }

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventory")
    }

    fn told(output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    #[test]
    fn the_shell_accepts_the_script() {
        let stage = Stage::new();
        let checked = Command::new("sh").arg("-n").arg(stage.path("inventory.sh")).output().unwrap();
        assert!(checked.status.success(), "{}", told(&checked));
    }

    #[test]
    fn what_the_script_saves_gives_the_same_grants_as_the_replies() {
        let stage = Stage::new();
        let output = stage.run(&["out"]);
        assert_eq!(output.status.code(), Some(1), "some calls have no answer: {}", told(&output));
        let saved = stage.load("out");
        let (asked, _) = inventory::load(&[fixtures().join("script")], 28_800).unwrap();
        for uin in ["100000000101", "100000000102", "100000000103"] {
            assert_eq!(saved.grants_of_user(uin), asked.grants_of_user(uin), "{uin}");
            assert!(saved.grants_of_user(uin).is_some());
        }
        for role in ["deployer", "AS_QCSLinkedRole"] {
            assert_eq!(saved.grants_of_role(role), asked.grants_of_role(role), "{role}");
            assert!(saved.grants_of_role(role).unwrap().complete);
        }
        assert_eq!(saved.snapshot(), asked.snapshot());
        assert_eq!(saved.keys_of_user("alice").count(), 2);
        assert_eq!(saved.network_count(), 3);
        let alice = saved.grants_of_user("alice").unwrap();
        assert!(alice.complete);
        let group = Via::Group { id: "4501".to_owned(), name: "ops".to_owned() };
        assert_eq!(alice.policies.last().unwrap().attachment.via, group);
    }

    #[test]
    fn failed_calls_are_told_and_leave_no_file() {
        let stage = Stage::new();
        let output = stage.run(&["out"]);
        let told = told(&output);
        assert!(told.contains("cam GetPolicy for policy-219188.json: ResourceNotFound.NotFound"), "{told}");
        assert!(told.contains("cam ListAccessKeys for keys-100000000103.json"), "{told}");
        // No boundary is set: that is an answer.
        assert!(!told.contains("bound-"), "{told}");
        assert!(!stage.path("out/policy-219188.json").exists());
        assert!(!told.contains("AKID"), "key ids are not shown: {told}");
        let left: Vec<String> = fs::read_dir(stage.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.') || name.starts_with("regions"))
            .collect();
        assert_eq!(left, Vec::<String>::new());
        let mode = fs::metadata(stage.path("out/users.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        let users = fs::read_to_string(stage.path("out/users.json")).unwrap();
        assert!(!users.contains("13800000000") && !users.contains("@example.com"), "{users}");
    }

    #[test]
    fn every_page_is_asked_for_and_keys_go_in_tens() {
        let stage = Stage::new();
        let policy = |id: usize| json!({"PolicyId": id.to_string(), "PolicyName": format!("p{id}"), "StrategyType": "1", "Groups": []});
        let page =
            |ids: std::ops::Range<usize>| json!({"PolicyList": ids.map(policy).collect::<Vec<_>>(), "TotalNum": 201});
        stage.answer("ListAttachedUserAllPolicies-100000000102-p1", &page(1001..1201));
        stage.answer("ListAttachedUserAllPolicies-100000000102-p2", &page(1201..1202));
        let key = |number: usize| json!({"AccessKeyId": format!("AKIDEXAMPLE{number:025}"), "Status": "Active"});
        stage.answer("ListAccessKeys-100000000102", &json!({"AccessKeys": (0..10).map(key).collect::<Vec<_>>()}));
        stage.run(&["out"]);
        let calls = stage.calls();
        assert!(calls.contains("--TargetUin 100000000102 --AttachType 0 --Page 2 --Rp 200"), "{calls}");
        assert!(!calls.contains("--Page 3"));
        assert_eq!(calls.matches("GetSecurityLastUsed").count(), 2);
        let bob = stage.load("out").grants_of_user("bob").unwrap();
        assert_eq!(bob.policies.len(), 201);
        assert_eq!(bob.policies[0].attachment.kind, PolicyKind::Custom);
        assert!(!bob.notes.iter().any(|note| note.contains("is cut")));
    }

    #[test]
    fn calls_that_come_too_fast_are_made_again() {
        let stage = Stage::new();
        let real = fs::read_to_string(stage.path("bin/tccli")).unwrap();
        let busy = "#!/bin/sh\nif [ ! -e \"$REPLIES/../tried\" ]; then : > \"$REPLIES/../tried\"; \
            echo 'code:RequestLimitExceeded message:slower' >&2; exit 255; fi\n";
        fs::write(stage.path("bin/tccli"), format!("{busy}{}", real.trim_start_matches("#!/bin/sh\n"))).unwrap();
        let told = told(&stage.run(&["out"]));
        assert!(stage.path("out/account.json").exists() && !told.contains("RequestLimitExceeded"), "{told}");
    }

    #[test]
    fn without_credentials_it_stops_at_once() {
        let stage = Stage::new();
        let refuse = "#!/bin/sh\necho 'code:AuthFailure.SecretIdNotFound message:x' >&2\nexit 255\n";
        fs::write(stage.path("bin/tccli"), refuse).unwrap();
        let output = stage.run(&["out"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(told(&output).contains("AuthFailure.SecretIdNotFound), so nothing was saved"), "{}", told(&output));
        assert!(!stage.path("out/users.json").exists());
    }

    #[test]
    fn odd_ids_become_neither_files_nor_options() {
        let stage = Stage::new();
        for (number, id) in ["../../evil", "--profile", "1;touch x", "$(touch x)", "a b"].iter().enumerate() {
            let list = json!({"List": [{"PolicyId": id, "PolicyName": "x", "Description": "y"}], "TotalNum": 1});
            let role = format!("46116860184273980{number:02}");
            stage.answer(&format!("ListAttachedRolePolicies-{role}"), &list);
            stage.answer("DescribeRoleList", &json!({"List": [{"RoleId": role, "RoleName": "r"}], "TotalNum": 1}));
            let output = stage.run(&[&format!("out{number}")]);
            let told = told(&output);
            assert!(told.contains("an odd PolicyId"), "{id}: {told}");
        }
        assert!(!stage.calls().contains("evil") && !stage.calls().contains("--profile"));
        assert!(!stage.path("x").exists() && !stage.path("out0/x").exists());
    }

    #[test]
    fn a_folder_in_use_and_unknown_options_are_refused() {
        let stage = Stage::new();
        fs::create_dir(stage.path("out")).unwrap();
        fs::write(stage.path("out/users.json"), "{}").unwrap();
        let output = stage.run(&["out"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains("not empty"));
        assert_eq!(stage.run(&["--help"]).status.code(), Some(2));
        assert!(!stage.path("calls").exists());
    }
}
