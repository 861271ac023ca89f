//! Writes every document of a report into a folder: `documents REPORT.json FOLDER`.

use akguard::document::notify::{Vendor, body};
use akguard::document::{md, template, xlsx};
use akguard::lang::Lang;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(report), Some(folder)) = (args.next(), args.next()) else {
        return Err("documents REPORT.json FOLDER".into());
    };
    let report = serde_json::from_str(&std::fs::read_to_string(report)?)?;
    let folder = Path::new(&folder);
    for (lang, name) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        let mut digest = Vec::new();
        md::write(&report, lang, &mut digest)?;
        std::fs::write(folder.join(format!("{name}.md")), digest)?;
        std::fs::write(folder.join(format!("{name}.xlsx")), xlsx::bytes(&report, lang)?)?;
        for (vendor, of) in [
            (Vendor::Wecom, "wecom"),
            (Vendor::Dingtalk, "dingtalk"),
            (Vendor::Feishu, "feishu"),
            (Vendor::Slack, "slack"),
        ] {
            let message = body(&report, lang, vendor, Some("this is secret"), 1_700_000_000_000);
            std::fs::write(folder.join(format!("{name}-{of}.json")), message.body)?;
            if let Some(query) = message.query {
                std::fs::write(folder.join(format!("{name}-{of}.query")), query)?;
            }
        }
    }
    let mut page = Vec::new();
    template::render(include_str!("../../fixtures/report/weekly.html.j2"), "weekly.html.j2", &report, &mut page)?;
    std::fs::write(folder.join("weekly.html"), page)?;
    Ok(())
}
