//! The parts of the page that need no scripts: head, figures, and a short version of the list for print and mail.

use super::inert::escape;
use super::island::WORDS;
use crate::document::label::filled;
use crate::document::model::{Alarm, Figure, Headline, Report, Rule};
use crate::document::texts::{Lang, text};
use crate::report::text::grouped;
use std::collections::{BTreeMap, BTreeSet};

/// Alarms of the short version on paper; the style sheet shows the first `ON_SCREEN` of them on a screen.
const PRINTED: usize = 200;
const ON_SCREEN: usize = 50;

/// The texts of all items, one after the other.
pub(super) fn each<T>(items: impl Iterator<Item = T>, mut text: impl FnMut(T) -> String) -> String {
    items.fold(String::new(), |mut all, item| {
        all.push_str(&text(item));
        all
    })
}

/// A text of the page, escaped.
pub(super) fn html_text(lang: Lang, name: &'static str) -> String {
    escape(text(lang, "html", name))
}

/// The word for a value of a group, such as the level `high`; the value itself where there is none.
pub(super) fn word(lang: Lang, group: &str, value: &str) -> String {
    let name = format!("{group}_{value}");
    WORDS
        .iter()
        .find(|word| **word == name)
        .map_or_else(|| value.to_string(), |word| text(lang, "words", word).to_string())
}

/// `YYYY-MM-DD HH:MM:SS` of an RFC 3339 time: the zone stands in the head.
pub(super) fn time(rfc3339: &str) -> String {
    let short: String = rfc3339.chars().take(19).collect();
    short.replacen('T', " ", 1)
}

fn period(report: &Report, lang: Lang) -> String {
    let until = time(&report.period.until);
    match &report.period.since {
        Some(since) => filled(text(lang, "html", "period_range"), &[("since", &time(since)), ("until", &until)]),
        None => filled(text(lang, "html", "period_open"), &[("until", &until)]),
    }
}

/// Title of the document.
pub(super) fn title(report: &Report, lang: Lang) -> String {
    format!("{} · {}", html_text(lang, "title"), escape(&period(report, lang)))
}

/// Title, period, zone, when it was made and by what.
pub(super) fn head(report: &Report, lang: Lang) -> String {
    let facts = [
        ("period", period(report, lang)),
        ("zone", report.zone.clone()),
        ("generated", time(&report.generated)),
        ("tool", report.tool.clone()),
    ];
    let facts = each(facts.into_iter(), |(name, value)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>", html_text(lang, name), escape(&value))
    });
    format!("<h1>{}</h1><dl class=\"facts\">{facts}</dl>", html_text(lang, "title"))
}

/// Links to the views. They lead nowhere without scripts, so the script shows them.
pub(super) fn nav(report: &Report, lang: Lang) -> String {
    let views = [
        ("alarms", "alarms", Some(report.alarms.len())),
        ("keys", "keys", Some(report.keys.len())),
        ("addresses", "addresses", Some(report.ips.len())),
        ("allowlist", "allowlist", Some(report.allowlist.len())),
        ("coverage", "coverage", None),
    ];
    let links = each(views.into_iter(), |(view, name, count)| {
        let count =
            count.map_or(String::new(), |count| format!(" <span class=\"count\">{}</span>", grouped(count as u64)));
        format!("<li><a href=\"#{view}\" data-view=\"{view}\">{}{count}</a></li>", html_text(lang, name))
    });
    format!("<nav id=\"nav\" aria-label=\"{}\" hidden><ul>{links}</ul></nav>", html_text(lang, "views"))
}

/// The figures at the top.
pub(super) fn headline(headline: &Headline, lang: Lang) -> String {
    let level = |level: &str| headline.levels.get(level).copied().unwrap_or_default();
    let levels = each(["critical", "high", "medium", "low"].into_iter(), |name| {
        tile(&word(lang, "level", name), level(name), &format!("alarms?level={name}"), name, lang)
    });
    let others = [
        ("unprocessed", headline.unprocessed, "alarms?status=unprocessed"),
        ("keys", headline.keys, "keys"),
        ("addresses_short", headline.ips, "addresses"),
        ("calls_abnormal", headline.calls, "alarms"),
    ];
    let others =
        each(others.into_iter(), |(name, figure, link)| tile(text(lang, "html", name), figure, link, "plain", lang));
    let (note, invalid) = (level("note").now, level("invalid").now);
    let also = if note + invalid > 0 {
        let also = filled(text(lang, "html", "also"), &[("note", &grouped(note)), ("invalid", &grouped(invalid))]);
        format!("<p class=\"also\">{}</p>", escape(&also))
    } else {
        String::new()
    };
    format!("<ul class=\"tiles\">{levels}{others}</ul>{also}")
}

fn tile(name: &str, figure: Figure, link: &str, tone: &str, lang: Lang) -> String {
    format!(
        "<li class=\"tile tone-{tone}\"><a href=\"#{link}\"><span class=\"tile-name\">{}</span>\
         <span class=\"tile-now\">{}</span>{}</a></li>",
        escape(name),
        grouped(figure.now),
        change(figure, lang)
    )
}

/// How a figure changed: an arrow, and the same in words.
fn change(figure: Figure, lang: Lang) -> String {
    let (tone, arrow, name) = match figure.before {
        None => ("none", "–", "change_none"),
        Some(before) if before < figure.now => ("up", "▲", "change_up"),
        Some(before) if before > figure.now => ("down", "▼", "change_down"),
        Some(_) => ("same", "=", "change_same"),
    };
    let before = figure.before.unwrap_or_default();
    let values = [("n", grouped(figure.now.abs_diff(before))), ("before", grouped(before))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    format!(
        "<span class=\"change change-{tone}\"><span aria-hidden=\"true\">{arrow}</span> {}</span>",
        escape(&filled(text(lang, "html", name), &values))
    )
}

/// The worst alarms, what to do about them, and what the report rests on: for print, and for readers without scripts.
pub(super) fn short_version(report: &Report, lang: Lang) -> String {
    let all = report.alarms.len();
    let shown = |name, most: usize| {
        let shown = grouped(all.min(most) as u64);
        escape(&filled(text(lang, "html", name), &[("shown", &shown), ("all", &grouped(all as u64))]))
    };
    format!(
        "<section id=\"short\"><p class=\"no-scripts\">{}</p><h2>{}</h2><p class=\"print-note\">{}</p>{}{}{}</section>",
        shown("no_scripts", ON_SCREEN),
        html_text(lang, "alarms"),
        shown("print_note", PRINTED),
        short_list(&report.alarms, lang),
        what_to_do(report, lang),
        short_coverage(report, lang)
    )
}

fn short_list(alarms: &[Alarm], lang: Lang) -> String {
    if alarms.is_empty() {
        return format!("<p class=\"empty\">{}</p>", html_text(lang, "empty_alarms"));
    }
    let head = each(["level", "alarm", "key", "source", "calls", "last_call", "status"].into_iter(), |name| {
        format!("<th scope=\"col\">{}</th>", html_text(lang, name))
    });
    let rows = each(alarms.iter().take(PRINTED), |alarm| short_row(alarm, lang));
    format!("<div class=\"scroll\"><table class=\"short\"><thead><tr>{head}</tr></thead>{rows}</table></div>")
}

fn short_row(alarm: &Alarm, lang: Lang) -> String {
    let caller = [&alarm.user, &alarm.account].into_iter().flatten();
    let caller = each(caller.map(String::as_str), small);
    let risks = alarm.ak_risks.iter().map(|risk| word(lang, "risk", risk));
    let remarks = alarm.ak_remark.iter().cloned().chain(risks).collect::<Vec<_>>().join(" · ");
    let decision = alarm.decisions.last().map_or(String::new(), |last| {
        [last.by.as_str(), last.note.as_deref().unwrap_or_default()].into_iter().map(small).collect::<String>()
    });
    let failed = match alarm.failed {
        0 => String::new(),
        failed => small(&filled(text(lang, "html", "calls_failed"), &[("n", &grouped(failed))])),
    };
    format!(
        "<tbody><tr><td><span class=\"level level-{}\">{}</span></td><td><b>{}</b>{}{}</td><td><code>{}</code>{}{}</td>\
         <td>{}</td><td class=\"number\">{}{}</td><td>{}</td><td>{}{decision}</td></tr>\
         <tr class=\"why\"><td colspan=\"7\"><b>{}:</b> {}</td></tr></tbody>",
        level_class(&alarm.level),
        escape(&word(lang, "level", &alarm.level)),
        escape(&alarm.name),
        small(&alarm.id),
        small(&format!("{} · {}", alarm.rule, alarm.attack)),
        escape(&alarm.ak),
        caller,
        small(&remarks),
        sources(alarm),
        grouped(alarm.success.saturating_add(alarm.failed)),
        failed,
        escape(&time(&alarm.last_call)),
        escape(&word(lang, "status", &alarm.status)),
        html_text(lang, "why"),
        escape(&alarm.why),
    )
}

fn small(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<span class=\"small\">{}</span>", escape(text)) }
}

/// Source addresses of an alarm, the first few.
fn sources(alarm: &Alarm) -> String {
    let all: BTreeSet<&str> = alarm.records.iter().filter_map(|record| record.source_ip.as_deref()).collect();
    let first = all.iter().take(3).map(|ip| escape(ip)).collect::<Vec<_>>().join("<br>");
    if all.len() > 3 { format!("{first}<br>+{}", all.len() - 3) } else { first }
}

/// Class of a level; levels that are not known look like notes.
fn level_class(level: &str) -> &'static str {
    ["critical", "high", "medium", "low", "invalid"].into_iter().find(|known| *known == level).unwrap_or("note")
}

fn what_to_do(report: &Report, lang: Lang) -> String {
    let printed: BTreeSet<&str> = report.alarms.iter().take(PRINTED).map(|alarm| alarm.rule.as_str()).collect();
    let rules: BTreeMap<&str, &Rule> = printed.into_iter().filter_map(|id| Some((id, report.rules.get(id)?))).collect();
    if rules.is_empty() {
        return String::new();
    }
    let rules = each(rules.into_iter(), |(id, rule)| {
        let steps = each(rule.steps.iter(), |step| format!("<li>{}</li>", escape(step)));
        format!(
            "<div class=\"rule\"><h3>{} <span class=\"small\">{}</span></h3><p>{}</p><ol>{steps}</ol></div>",
            escape(&rule.title),
            escape(id),
            escape(&rule.summary)
        )
    });
    format!("<h2>{}</h2><div id=\"short-rules\">{rules}</div>", html_text(lang, "process"))
}

fn short_coverage(report: &Report, lang: Lang) -> String {
    let events = each(report.coverage.events.iter(), |(name, count)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(&word(lang, "events", name)), grouped(*count))
    });
    let silent = &report.coverage.silent_days;
    let left = report.coverage.silent_days_total.saturating_sub(silent.len() as u64);
    let more = filled(text(lang, "html", "silent_more"), &[("n", &grouped(left))]);
    let silent = match (silent.is_empty(), left) {
        (true, _) => text(lang, "html", "none").to_string(),
        (false, 0) => silent.join(", "),
        (false, _) => format!("{}, {more}", silent.join(", ")),
    };
    format!(
        "<h2>{}</h2><dl class=\"facts\">{events}</dl><p><b>{}:</b> {}</p><p><b>{}:</b> <code>{}</code></p>",
        html_text(lang, "coverage"),
        html_text(lang, "silent_days"),
        escape(&silent),
        html_text(lang, "command_line"),
        escape(&report.command)
    )
}

/// Which data the places of addresses are from, and how to use the keyboard.
pub(super) fn foot(report: &Report, lang: Lang) -> String {
    let attributions = if report.attributions.is_empty() {
        String::new()
    } else {
        let list = report.attributions.iter().map(|line| escape(line)).collect::<Vec<_>>().join(" · ");
        format!("<p class=\"attributions\"><b>{}:</b> {list}</p>", html_text(lang, "attributions"))
    };
    format!("{attributions}<p id=\"hint\" hidden>{}</p>", html_text(lang, "hint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_names_do() {
        assert_eq!(filled("{a} of {b}, {c}", &[("a", "{b}"), ("b", "2")]), "{b} of 2, ");
        assert_eq!(filled("a} {b", &[("b", "2")]), "a} b");
    }

    #[test]
    fn changes_are_said_in_words() {
        let said = |now, before| change(Figure { now, before }, Lang::En);
        assert!(said(3, Some(1)).contains("▲</span> 2 more, was 1"));
        assert!(said(1, Some(1001)).contains("▼</span> 1,000 fewer, was 1,001"));
        assert!(said(1, Some(1)).contains("no change"));
        assert!(said(1, None).contains("no earlier period"));
    }

    #[test]
    fn words_of_the_page_are_those_of_tables_and_workbooks() {
        use crate::document::label::label;
        for name in WORDS {
            let groups = ["identity", "ip_type", "level", "method", "risk", "status", "type", "user_type", "advice"];
            let code = |group: &str| name.strip_prefix(group)?.strip_prefix('_');
            let Some((group, code)) = groups.iter().find_map(|group| Some((*group, code(group)?))) else { continue };
            let shown = word(Lang::Zh, group, code);
            assert_eq!(shown, label(Lang::Zh, group, code), "{name}");
            assert_eq!(shown, Lang::Zh.word(code), "{name}");
        }
    }

    #[test]
    fn words_that_are_not_known_stand_as_they_are() {
        assert_eq!(word(Lang::En, "level", "high"), "High");
        assert_eq!(word(Lang::En, "level", "new"), "new");
    }
}
