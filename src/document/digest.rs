//! What is new in a report, in the few lines that a chat or a mail has room for. Formats differ in how they write
//! these lines; what stands in them is decided here.

mod line;

use crate::document::label::{LEVELS, filled, label, rank, time};
use crate::document::model::{Alarm, Figure, Report};
use crate::document::safe::printable;
use crate::document::texts::{Lang, text};
use crate::report::text::{grouped, shortened};
use chrono::{DateTime, FixedOffset};

/// At most so many lines about alarms.
const MOST_ITEMS: usize = 15;

/// Part of a line. Formats escape the text of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// Words that matter most.
    Strong(String),
    /// Text of logs, or a command: shown letter by letter.
    Code(String),
}

/// A line.
pub type Line = Vec<Piece>;

/// New alarms that are alike.
#[derive(Clone, Debug)]
pub struct Item {
    /// Their level.
    pub level: String,
    /// How many they are.
    pub alarms: u64,
    /// The line about them.
    pub line: Line,
}

/// A digest.
#[derive(Clone, Debug)]
pub struct Digest {
    /// What it says, in a few words.
    pub title: String,
    /// Period, and counts by level with their change.
    pub headline: Line,
    /// How many alarms are new, or that none is.
    pub news: Line,
    /// New alarms: unprocessed ones first, then the worst.
    pub items: Vec<Item>,
    /// Worst level of a new unprocessed alarm.
    pub worst: Option<String>,
    /// New alarms beyond those of `items`.
    left_out: u64,
    /// What else there is to know.
    notes: Vec<String>,
    /// How to see more, where a database has more.
    how: Option<Line>,
    /// What was not seen.
    missing: Option<Line>,
    lang: Lang,
}

impl Digest {
    /// The digest of a report.
    pub fn of(report: &Report, lang: Lang) -> Self {
        let new: Vec<&Alarm> = report.alarms.iter().filter(|alarm| alarm.is_new && alarm.level != "invalid").collect();
        let mut groups = groups(&new);
        let left_out =
            groups.split_off(groups.len().min(MOST_ITEMS)).iter().map(|group| count(group.alarms.len())).sum();
        let year = time(&report.period.until).map(|until| until.format("%Y-").to_string()).unwrap_or_default();
        let items = groups.iter().map(|group| Item {
            level: group.first().level.clone(),
            alarms: count(group.alarms.len()),
            line: line::of(group, &year, lang),
        });
        let open = || new.iter().filter(|alarm| alarm.status == "unprocessed");
        let worst = open().map(|alarm| alarm.level.as_str()).min_by_key(|level| rank(level)).map(str::to_string);
        Self {
            title: title(new.len(), worst.as_deref(), lang),
            headline: headline(report, lang),
            news: news(report, new.len(), open().count(), lang),
            items: items.collect(),
            worst,
            left_out,
            notes: notes(report, lang),
            how: (report.source != "logs").then(|| how(report, lang)),
            missing: missing(report, lang),
            lang,
        }
    }

    /// What stands below the alarms, when only the first `shown` items are.
    pub fn tail(&self, shown: usize) -> Vec<Line> {
        let cut: u64 = self.items.iter().skip(shown).map(|item| item.alarms).sum();
        let rest = self.left_out + cut;
        let mut notes = self.notes.clone();
        if rest > 0 {
            notes.insert(0, counted(self.lang, rest, "rest_one", "rest_many"));
        }
        let mut lines = Vec::new();
        if !notes.is_empty() {
            lines.push(vec![Piece::Text(notes.join(" · "))]);
        }
        lines.extend(self.missing.clone());
        lines.extend(self.how.clone());
        lines
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `1 alarm`, `2 alarms`.
fn counted(lang: Lang, number: u64, one: &'static str, many: &'static str) -> String {
    filled(text(lang, "digest", if number == 1 { one } else { many }), &[("n", &grouped(number))])
}

fn number(lang: Lang, name: &'static str, number: u64) -> String {
    filled(text(lang, "digest", name), &[("n", &grouped(number))])
}

/// New alarms that share a line.
struct Group<'a> {
    alarms: Vec<&'a Alarm>,
    /// Whether their keys may differ.
    wide: bool,
}

impl<'a> Group<'a> {
    fn first(&self) -> &'a Alarm {
        self.alarms[0]
    }

    fn open(&self) -> bool {
        self.first().status == "unprocessed"
    }

    fn takes(&self, alarm: &Alarm) -> bool {
        let first = self.first();
        let same_key = (&first.ak, &first.user, &first.account) == (&alarm.ak, &alarm.user, &alarm.account);
        self.takes_wide(alarm) && (self.wide || same_key)
    }

    /// Whether the alarm may share the line when keys do not matter.
    fn takes_wide(&self, alarm: &Alarm) -> bool {
        let first = self.first();
        (&first.level, &first.rule, &first.name, &first.status)
            == (&alarm.level, &alarm.rule, &alarm.name, &alarm.status)
    }
}

/// Alarms of one rule about one key are one line. Where that makes too many lines, keys are put together as well, rule
/// by rule: of the lowest level first, so that the worst stay as they are for longest, and where it saves most.
fn groups<'a>(new: &[&'a Alarm]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for alarm in new {
        put(&mut groups, &[alarm], false);
    }
    for level in LEVELS.iter().rev() {
        while groups.len() > MOST_ITEMS {
            let Some(rule) = most_spread(&groups, level) else { break };
            groups = widened(groups, level, &rule);
        }
    }
    groups.sort_by_key(|group| (!group.open(), rank(&group.first().level)));
    groups
}

/// The rule with most lines of this level that could share one.
fn most_spread(groups: &[Group<'_>], level: &str) -> Option<String> {
    let mut lines: Vec<(usize, &Group<'_>)> = Vec::new();
    for group in groups.iter().filter(|group| group.first().level == level && !group.wide) {
        match lines.iter_mut().find(|(_, other)| other.takes_wide(group.first())) {
            Some((number, _)) => *number += 1,
            None => lines.push((1, group)),
        }
    }
    let spread = lines.into_iter().filter(|(number, _)| *number > 1);
    spread.min_by_key(|(number, _)| std::cmp::Reverse(*number)).map(|(_, group)| group.first().rule.clone())
}

fn put<'a>(groups: &mut Vec<Group<'a>>, alarms: &[&'a Alarm], wide: bool) {
    match groups.iter_mut().find(|group| group.wide == wide && group.takes(alarms[0])) {
        Some(group) => group.alarms.extend(alarms),
        None => groups.push(Group { alarms: alarms.to_vec(), wide }),
    }
}

fn widened<'a>(groups: Vec<Group<'a>>, level: &str, rule: &str) -> Vec<Group<'a>> {
    let mut out = Vec::new();
    for group in groups {
        if group.first().level == level && group.first().rule == rule {
            put(&mut out, &group.alarms, true);
        } else {
            out.push(group);
        }
    }
    out
}

fn title(new: usize, worst: Option<&str>, lang: Lang) -> String {
    let mut what = match new {
        0 => text(lang, "digest", "title_none").to_string(),
        _ => counted(lang, count(new), "title_new_one", "title_new_many"),
    };
    if let Some(worst) = worst {
        what += text(lang, "digest", "separator");
        what += &filled(text(lang, "digest", "title_worst"), &[("level", &printable(label(lang, "level", worst)))]);
    }
    filled(text(lang, "notify", "title"), &[("what", &what)])
}

/// Period, alarms by level with their change, and how many nobody decided about.
fn headline(report: &Report, lang: Lang) -> Line {
    let figures = &report.headline;
    let alarms = || figures.levels.iter().filter(|(level, _)| *level != "invalid");
    let now: u64 = alarms().map(|(_, figure)| figure.now).sum();
    let mut counts: Vec<String> = LEVELS[..5].iter().filter_map(|level| level_count(report, level, lang)).collect();
    if figures.unprocessed.now > 0 {
        counts.push(number(lang, "unprocessed", figures.unprocessed.now));
    }
    if let Some(invalid) = figures.levels.get("invalid").filter(|invalid| invalid.now > 0) {
        counts.push(number(lang, "invalid", invalid.now));
    }
    let colon = text(lang, "digest", "colon");
    let total = counted(lang, now, "alarms_one", "alarms_many");
    let list = counts.join(text(lang, "digest", "separator"));
    let after = if list.is_empty() { String::new() } else { format!("{colon}{list}") };
    vec![Piece::Strong(format!("akguard {}", period(report, lang))), Piece::Text(format!("{colon}{total}{after}"))]
}

fn level_count(report: &Report, level: &str, lang: Lang) -> Option<String> {
    let figure = report.headline.levels.get(level).copied().unwrap_or_default();
    if figure.now == 0 && figure.before.unwrap_or(0) == 0 {
        return None;
    }
    let values = [("n", grouped(figure.now)), ("level", label(lang, "level", level).to_string())];
    let count =
        filled(text(lang, "digest", "level_count"), &values.each_ref().map(|(key, value)| (*key, value.as_str())));
    Some(count + &change(figure, lang))
}

/// The change since the period before, such as ` (+2)`.
fn change(figure: Figure, lang: Lang) -> String {
    let Some(before) = figure.before else { return String::new() };
    let change = match figure.now.abs_diff(before) {
        0 => "±0".to_string(),
        by if figure.now > before => format!("+{}", grouped(by)),
        by => format!("−{}", grouped(by)),
    };
    filled(text(lang, "digest", "change"), &[("change", &change)])
}

fn period(report: &Report, lang: Lang) -> String {
    let minute = |text: &str| match time(text) {
        Some(time) => time.format("%Y-%m-%d %H:%M").to_string(),
        None => short(text),
    };
    let since = report.period.since.as_deref().map(minute);
    let name = if since.is_some() { "range" } else { "range_open" };
    let values =
        [("since", since.unwrap_or_default()), ("until", minute(&report.period.until)), ("zone", short(&report.zone))];
    filled(text(lang, "digest", name), &values.each_ref().map(|(key, value)| (*key, value.as_str())))
}

/// Text of unknown origin on one line and short enough for a line of many parts.
fn short(text: &str) -> String {
    printable(&shortened(text, 48))
}

/// How many alarms are new. Without any, whether anything was looked at matters more than the number.
fn news(report: &Report, new: usize, open: usize, lang: Lang) -> Line {
    if new == 0 {
        let blind = report.coverage.events.get("evaluated").copied() == Some(0);
        let said = match (blind, &report.mark) {
            (true, _) => "none_unread",
            (false, Some(_)) => "none_mark",
            (false, None) => "none",
        };
        return vec![Piece::Strong(text(lang, "digest", said).to_string())];
    }
    let separator = text(lang, "digest", "separator");
    let mut more = String::new();
    if open < new {
        more = format!("{separator}{}", number(lang, "unprocessed", count(open)));
    }
    if new > 1 {
        more += separator;
        more += text(lang, "digest", "new_order");
    }
    vec![Piece::Strong(counted(lang, count(new), "new_one", "new_many")), Piece::Text(more)]
}

fn notes(report: &Report, lang: Lang) -> Vec<String> {
    let alarms = || report.alarms.iter();
    let mut notes = Vec::new();
    let grew = count(alarms().filter(|alarm| alarm.new_since_processed > 0).count());
    if grew > 0 {
        notes.push(counted(lang, grew, "grew_one", "grew_many"));
    }
    let old = || alarms().filter(|alarm| !alarm.is_new && alarm.level != "invalid");
    if old().next().is_some() {
        let open = count(old().filter(|alarm| alarm.status == "unprocessed").count());
        let mut note = counted(lang, count(old().count()), "older_one", "older_many");
        if open > 0 {
            note += text(lang, "digest", "separator");
            note += &number(lang, "older_open", open);
        }
        notes.push(note);
    }
    let listed = count(alarms().filter(|alarm| alarm.is_new && alarm.level == "invalid").count());
    if listed > 0 {
        notes.push(counted(lang, listed, "listed_one", "listed_many"));
    }
    notes
}

/// The commands that show more. Nothing of a log is in them, so that they can be typed as they stand.
fn how(report: &Report, lang: Lang) -> Line {
    let (since, until) = (report.period.since.as_deref().and_then(time), time(&report.period.until));
    // What ends when the report was made ends now.
    let until = until.filter(|_| report.period.until != report.generated);
    let option = |name: &str, time: Option<DateTime<FixedOffset>>| {
        time.map_or_else(String::new, |time| format!(" --{name} {}", typed(&time)))
    };
    let colon = text(lang, "digest", "colon");
    vec![
        Piece::Text(format!("{}{colon}", text(lang, "digest", "how_all"))),
        Piece::Code(format!("akguard alarms{}{}", option("since", since), option("until", until))),
        Piece::Text(format!("{}{}{colon}", text(lang, "digest", "separator"), text(lang, "digest", "how_one"))),
        Piece::Code("akguard show ID".to_string()),
    ]
}

/// A time as it is typed after `--since`: a date where that is the same.
fn typed(time: &DateTime<FixedOffset>) -> String {
    let midnight = time.time() == chrono::NaiveTime::MIN;
    if midnight {
        time.format("%Y-%m-%d").to_string()
    } else {
        time.to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
    }
}

/// What was not seen in the period: what could not be read, and days without events.
fn missing(report: &Report, lang: Lang) -> Option<Line> {
    let coverage = &report.coverage;
    let mut parts = Vec::new();
    // What a mark was told of once is not told every day until its scan leaves the period.
    let files = coverage.new_rejected_files;
    let named = count(coverage.rejects.len()).saturating_sub(files);
    let rejected = coverage.new_rejected.max(named);
    if rejected > 0 {
        parts.push(counted(lang, rejected, "rejected_one", "rejected_many"));
    }
    if files > 0 {
        parts.push(counted(lang, files, "files_one", "files_many"));
    }
    if !coverage.silent_days.is_empty() {
        parts.push(silent(&coverage.silent_days, coverage.silent_days_total, lang));
    }
    let list = parts.join(text(lang, "digest", "separator"));
    let colon = text(lang, "digest", "colon");
    let line = vec![Piece::Strong(text(lang, "digest", "not_seen").to_string()), Piece::Text(format!("{colon}{list}"))];
    (!parts.is_empty()).then_some(line)
}

/// Days without events: how many, and the first three of them.
fn silent(days: &[String], total: u64, lang: Lang) -> String {
    let total = counted(lang, total.max(count(days.len())), "silent_one", "silent_many");
    let first: Vec<String> = days.iter().take(3).map(|day| short(day)).collect();
    let more = if days.len() > 3 { text(lang, "digest", "and_more") } else { "" };
    let list = first.join(text(lang, "digest", "separator")) + more;
    total + &filled(text(lang, "digest", "change"), &[("change", &list)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing;

    fn plain(line: &Line) -> String {
        let pieces = line.iter().map(|piece| match piece {
            Piece::Text(text) | Piece::Strong(text) | Piece::Code(text) => text.as_str(),
        });
        pieces.collect()
    }

    #[test]
    fn alike_alarms_share_a_line() {
        let mut report = testing::sample();
        let one = report.alarms[4].clone();
        report.alarms = (0..20).map(|day| Alarm { id: format!("A-{day:016x}"), ..one.clone() }).collect();
        let digest = Digest::of(&report, Lang::En);
        assert_eq!(digest.items.len(), 1);
        assert_eq!(digest.items[0].alarms, 20);
        assert!(plain(&digest.items[0].line).contains("×20"), "{:?}", digest.items[0].line);
    }

    #[test]
    fn keys_are_put_together_where_lines_are_too_many() {
        let mut report = testing::sample();
        let one = report.alarms[4].clone();
        report.alarms = (0..40).map(|key| Alarm { user: Some(format!("u{key}")), ..one.clone() }).collect();
        let digest = Digest::of(&report, Lang::En);
        assert_eq!(digest.items.len(), 1);
        assert!(plain(&digest.items[0].line).contains("40 keys"), "{:?}", digest.items[0].line);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut report = testing::sample();
        let one = report.alarms[4].clone();
        report.alarms = (0..40).map(|rule| Alarm { rule: format!("r{rule}"), ..one.clone() }).collect();
        let digest = Digest::of(&report, Lang::En);
        assert_eq!(digest.items.len(), 15);
        assert!(plain(&digest.tail(15)[0]).starts_with("25 new alarms are not shown"));
        assert!(plain(&digest.tail(10)[0]).starts_with("30 new alarms are not shown"));
    }

    #[test]
    fn unprocessed_alarms_come_first() {
        let mut report = testing::sample();
        report.alarms[0].status = "processed".to_string();
        let digest = Digest::of(&report, Lang::En);
        assert_eq!(digest.items[0].level, "high");
        assert_eq!(digest.worst.as_deref(), Some("high"));
        assert!(plain(&digest.items.last().unwrap().line).contains("(processed)"));
    }

    #[test]
    fn nothing_new_is_one_clear_line() {
        let mut report = testing::sample();
        report.alarms.iter_mut().for_each(|alarm| alarm.is_new = false);
        report.coverage.silent_days.clear();
        report.coverage.rejects.clear();
        report.coverage.events.insert("rejected".to_string(), 0);
        let digest = Digest::of(&report, Lang::En);
        assert_eq!(plain(&digest.news), "Nothing new: no alarm was first seen in this period.");
        assert_eq!(plain(&digest.tail(0)[0]), "33 older alarms, 33 still unprocessed");
        assert_eq!(digest.tail(0).len(), 2);
        report.coverage.events.insert("evaluated".to_string(), 0);
        assert!(plain(&Digest::of(&report, Lang::En).news).contains("no events were evaluated"));
    }

    #[test]
    fn commands_hold_nothing_that_was_not_checked() {
        let mut report = testing::sample();
        report.period.since = Some("$(reboot)".to_string());
        assert_eq!(
            plain(&Digest::of(&report, Lang::En).how.unwrap()),
            "All of them: akguard alarms, one of them: akguard show ID"
        );
    }
}
