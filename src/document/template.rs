//! The report through a template that the user wrote, in the language of Jinja.

mod hint;

use crate::document::label;
use crate::document::model::Report;
use crate::document::safe;
use crate::document::texts::Lang;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use std::io::{self, Write};

/// Steps that a template may take: enough for every call record of a large report, and some seconds of work.
const FUEL: u64 = 100_000_000;
/// Bytes that a template may write.
const MOST_OUTPUT: usize = 64 << 20;

/// Why a template gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template is wrong, or does not fit the report.
    #[error("{name}, line {line}: {problem}; {hint}")]
    Template {
        /// Name of the template.
        name: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// What to try.
        hint: String,
    },
    /// The output could not be written.
    #[error("cannot write what the template {name} gives")]
    Write {
        /// Name of the template.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// Writes what the template makes of the report, or nothing when it fails. Fields of the report are the template's
/// variables. Where `name` ends in `.html`, `.htm`, `.xhtml`, `.svg` or `.xml`, with or without `.j2` or `.jinja` after
/// it, values are escaped for HTML; elsewhere they are not, and the filters `md` and `csv` escape.
pub fn render(template: &str, name: &str, report: &Report, out: &mut dyn Write) -> Result<(), TemplateError> {
    let mut text = Bounded::default();
    run(template, name, report, FUEL, &mut text).map_err(|error| explained(&error, name, report, text.full))?;
    out.write_all(&text.bytes).map_err(|source| TemplateError::Write { name: name.to_string(), source })
}

fn run(template: &str, name: &str, report: &Report, fuel: u64, text: &mut Bounded) -> Result<(), minijinja::Error> {
    let lang = if report.lang == "zh" { Lang::Zh } else { Lang::En };
    let environment = environment(lang, fuel)?;
    let compiled = environment.template_from_named_str(name, template)?;
    compiled.render_captured_to(Value::from(Serde(report)), text)?;
    Ok(())
}

fn environment<'a>(lang: Lang, fuel: u64) -> Result<Environment<'a>, minijinja::Error> {
    // A line of a tag alone leaves no empty line behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(fuel));
    environment.set_recursion_limit(100);
    environment.set_debug(true);
    environment.set_syntax(syntax?);
    environment.set_auto_escape_callback(|name| if is_html(name) { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("md", |value: &Value| safe::markdown(&shown(value)));
    environment.add_filter("csv", |value: &Value| csv(&shown(value)));
    environment.add_filter("label", move |code: String, what: String| labelled(lang, &code, &what));
    environment.add_filter("time", |text: String| local(&text));
    Ok(environment)
}

fn is_html(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = [".j2", ".jinja", ".jinja2"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    [".html", ".htm", ".xhtml", ".xml", ".svg"].iter().any(|end| name.ends_with(end))
}

/// Null is nothing to readers.
fn shown(value: &Value) -> String {
    if value.is_none() { String::new() } else { value.to_string() }
}

/// A cell of CSV: quoted where needed, and with an apostrophe before what a spreadsheet would take for a formula.
fn csv(text: &str) -> String {
    let harmless = safe::printable_lines(text);
    let harmless = if safe::formula(&harmless) { format!("'{harmless}") } else { harmless };
    if harmless.contains(['"', ',', ';', '\n', '\t']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

fn labelled(lang: Lang, code: &str, what: &str) -> Result<String, minijinja::Error> {
    if label::is_kind(what) {
        return Ok(label::label(lang, what, code).to_string());
    }
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("label knows no codes of the kind {what:?}")))
}

/// A time of the report as people write it; other text as it is.
fn local(text: &str) -> String {
    label::time(text).map_or_else(|| text.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn explained(error: &minijinja::Error, name: &str, report: &Report, full: bool) -> TemplateError {
    let (problem, hint) = hint::of(error, report, full);
    TemplateError::Template { name: name.to_string(), line: error.line().unwrap_or(1), problem, hint }
}

/// Output up to a size.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MOST_OUTPUT {
            self.full = true;
            return Err(io::Error::other("too much output"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing;

    fn rendered(template: &str, name: &str) -> Result<String, String> {
        rendered_of(&testing::sample(), template, name)
    }

    fn rendered_of(report: &Report, template: &str, name: &str) -> Result<String, String> {
        let mut out = Vec::new();
        let result = render(template, name, report, &mut out).map_err(|error| error.to_string());
        assert!(result.is_ok() || out.is_empty());
        result.map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn fields_are_variables() {
        assert_eq!(rendered("{{ zone }} {{ alarms|length }}\n", "a.txt").unwrap(), "Asia/Shanghai 33\n");
        assert_eq!(rendered("{{ alarms[0].level|label('level') }}", "a").unwrap(), "critical");
        assert_eq!(rendered("{{ alarms[0].last_call|time }}", "a").unwrap(), "2026-03-10 17:42:18");
    }

    #[test]
    fn the_name_decides_about_escapes() {
        let mut report = testing::sample();
        report.tool = "<a & b>".to_string();
        for (name, wanted) in [
            ("a.HTML", "&lt;a &amp; b&gt;"),
            ("a.xml.j2", "&lt;a &amp; b&gt;"),
            ("a.md", "<a & b>"),
            ("html", "<a & b>"),
        ] {
            assert_eq!(rendered_of(&report, "{{ tool }}", name).unwrap(), wanted, "{name}");
        }
        assert_eq!(rendered_of(&report, "{{ tool|md }}", "a.md").unwrap(), "\\<a \\& b\\>");
    }

    #[test]
    fn cells_of_csv_are_harmless() {
        assert_eq!(csv("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(csv("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(rendered("{{ none|csv }},{{ 5|csv }}", "a.csv").unwrap(), ",5");
    }

    #[test]
    fn lines_of_tags_leave_no_empty_lines() {
        let template =
            "level\n{% for alarm in alarms if alarm.level == 'critical' %}\n{{ alarm.level|csv }}\n{% endfor %}\n";
        assert_eq!(rendered(template, "open.csv").unwrap(), "level\ncritical\n");
    }

    #[test]
    fn errors_say_where_and_what_to_try() {
        for (template, line, part) in [
            ("a\n{{ alarms[0].levl }}", 2, "did you mean level"),
            ("{{ alrms }}", 1, "did you mean alarms"),
            ("\n\n{% for a in alarms %}", 3, "endfor"),
            ("{% include 'x' %}", 1, "no other files"),
            ("{{ zone|shout }}", 1, "filters"),
            ("{{ 'x'|label('y') }}", 1, "label"),
        ] {
            let error = rendered(template, "a.txt").unwrap_err();
            assert!(error.starts_with(&format!("a.txt, line {line}: ")) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn work_and_output_are_bounded() {
        let nested = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        let report = testing::sample();
        let error = run(nested, "a", &report, 10_000, &mut Bounded::default()).unwrap_err();
        assert!(explained(&error, "a", &report, false).to_string().contains("too many steps"));
        let long = format!("{{% for a in range(9999) %}}{}{{% endfor %}}", "x".repeat(10_000));
        assert!(rendered(&long, "a").unwrap_err().contains("64 MiB"));
    }

    #[test]
    fn the_example_works_on_every_report() {
        let example = include_str!("../../fixtures/report/weekly.html.j2");
        let page = rendered(example, "weekly.html.j2").unwrap();
        assert!(page.contains("GitHub key confirmation request") && page.contains("192.0.2.66"), "{page}");
        for report in testing::hostile() {
            let page = rendered_of(&report, example, "weekly.html.j2").unwrap();
            assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        }
    }
}
