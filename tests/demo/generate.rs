//! Writes `fixtures/demo` anew, or the same files into the folder given; `README.md` in it is left as it is.

use std::io::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(option_env!("CARGO_MANIFEST_DIR").unwrap_or(".")).join("fixtures/demo"),
    };
    let events = akguard::demo::write(&folder)?;
    writeln!(std::io::stdout(), "{events} events in {}", folder.display())
}
