//! Bodies freed of secrets, so that they may be kept and shown.
//!
//! A body is JSON, JSON escaped into JSON, cut JSON or free text, and often several of these at once.
//! So nothing is parsed: one scan looks for a secret name, a separator and a value, at any depth of
//! escaping. Before it, patterns find what gives itself away without a name, such as private keys.
//! Every step moves forward only, so the time taken is linear in the length of the body.

mod names;
mod scan;

use super::tat;
use regex::{Captures, Regex};
use scan::Scan;
use std::borrow::Cow;
use std::sync::LazyLock;

const MASK: &str = "***";

/// The body as it may be kept and shown: secrets replaced by `***`, at most `most` bytes of text.
///
/// A cut is marked by `…`. Doing it again changes nothing.
pub fn redact(body: &str, most: usize) -> String {
    let mut out = settled(body.to_owned());
    // A cut may leave half a name or half a mask, which the scan must see as it will see them next time.
    for _ in 0..4 {
        if out.len() <= most {
            break;
        }
        out = settled(cut(&out, most));
    }
    if out.len() > most { cut(&out, most) } else { out }
}

fn cut(text: &str, most: usize) -> String {
    if most < '…'.len_utf8() {
        return String::new();
    }
    format!("{}…", &text[..text.floor_char_boundary(most - '…'.len_utf8())])
}

/// Masks until there is nothing left to mask; a second round finds what the first one laid bare.
fn settled(mut text: String) -> String {
    for _ in 0..4 {
        let next = pass(&text, 0);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

fn pass(text: &str, depth: u8) -> String {
    let body = text.trim_end_matches('…');
    let masked = by_value(body);
    let mut out = Scan::new(&masked, depth).run();
    out.push_str(&text[body.len()..]);
    out
}

/// A private key, whole or without its end.
static PRIVATE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    let begin = r#"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[^"'<]*"#;
    pattern(&format!("{begin}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|{begin}"))
});
/// A signed web token, at least up to its second part.
static WEB_TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"eyJ[\w-]{6,}\.[\w-]{2,}(?:\.[\w-]*)*"));
/// The value of an authorization header.
static BEARER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)((?:[ \t+]|%20)+)([A-Z0-9._~+/-]{4,}=*)"));
/// The password in an address such as `https://user:password@host`.
static USER_OF_URL: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(://[^/\s:@"'\\]*:)[^/\s@"'\\]+@"#));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are valid")
}

/// Masks what is secret by its look, whatever its name.
fn by_value(text: &str) -> Cow<'_, str> {
    let text = replace(&PRIVATE_KEY, Cow::Borrowed(text), |found| {
        // A backslash before the closing quote belongs to the quote.
        let slashes = &found[0][found[0].trim_end_matches('\\').len()..];
        format!("{MASK}{slashes}")
    });
    let text = replace(&WEB_TOKEN, text, |_| MASK.to_owned());
    let text = replace(&BEARER, text, |found| {
        let is_secret = is_credential(&found[1], &found[3]);
        if is_secret { format!("{}{}{MASK}", &found[1], &found[2]) } else { found[0].to_owned() }
    });
    replace(&USER_OF_URL, text, |found| format!("{}{MASK}@", &found[1]))
}

fn replace<'a>(regex: &Regex, text: Cow<'a, str>, by: impl Fn(&Captures<'_>) -> String) -> Cow<'a, str> {
    match regex.replace_all(&text, by) {
        Cow::Owned(masked) => Cow::Owned(masked),
        Cow::Borrowed(_) => text,
    }
}

/// Tells a credential from the next word of a sentence, as in "basic information".
fn is_credential(scheme: &str, value: &str) -> bool {
    if scheme.eq_ignore_ascii_case("basic") {
        return tat::decode(value).is_some_and(|bytes| bytes.contains(&b':'));
    }
    let is_word = value.bytes().skip(1).all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'.');
    value.len() >= 20 || !is_word
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn all(body: &str) -> String {
        redact(body, usize::MAX)
    }

    fn escaped(text: &str, times: usize) -> String {
        (0..times).fold(text.to_owned(), |text, _| text.replace('\\', r"\\").replace('"', "\\\""))
    }

    #[test]
    fn values_of_secret_names_are_masked() {
        for (body, expected) in [
            (r#"{"Password":"hunter2","A":1}"#, r#"{"Password":"***","A":1}"#),
            (r#"{"secret_key": "x\"y\\", "B":"c"}"#, r#"{"secret_key": "***", "B":"c"}"#),
            (
                r#"{"LoginSettings":{"Password":"x","KeyIds":["k"]}}"#,
                r#"{"LoginSettings":{"Password":"***","KeyIds":["k"]}}"#,
            ),
            (r#"[{"Token":123},{"a":1}]"#, r#"[{"Token":"***"},{"a":1}]"#),
            (r#"{"Credentials":{"Token":"x","L":["]"]},"Z":1}"#, r#"{"Credentials":"***","Z":1}"#),
            (r#"{"P":"{\"Password\":\"x\",\"b\":[1]}"}"#, r#"{"P":"{\"Password\":\"***\",\"b\":[1]}"}"#),
            (r#"{\"Token\":\"x\\\"y\",\"b\":2}"#, r#"{\"Token\":\"***\",\"b\":2}"#),
            (r#"{"Key":"DB_PASSWORD","Value":"x"}"#, r#"{"Key":"DB_PASSWORD","Value":"***"}"#),
            (r#"{"x":"\u0022pwd\u0022:\u0022v\u0022, b"}"#, r#"{"x":"\u0022pwd\u0022:\u0022***\u0022, b"}"#),
            ("{'password': 'x', 'b': 'y'}", "{'password': '***', 'b': 'y'}"),
            (r#"{"Password":"ab"cd"}"#, r#"{"Password":"***""}"#),
        ] {
            assert_eq!(all(body), expected);
        }
    }

    #[test]
    fn cut_bodies_are_masked_to_their_end() {
        assert_eq!(all(r#"{"Password":"hunt"#), r#"{"Password":"***"#);
        assert_eq!(all(r#"{\"Password\":\"hunt\"#), r#"{\"Password\":\"***"#);
        assert_eq!(all(r#"{"Credentials":{"Token":"ab"#), r#"{"Credentials":"***""#);
        assert_eq!(all(r#"{"Pass"#), r#"{"Pass"#);
        assert_eq!(redact(r#"{"Password":"hunter2","A":1}"#, 17), r#"{"Password":"*…"#);
        assert_eq!(redact("日本語", 8), "日…");
        assert_eq!(redact("abcd", 2), "");
    }

    #[test]
    fn names_and_values_in_free_text_are_masked() {
        for (body, expected) in [
            (
                "https://h/p?x-cos-security-token=ab%2B&q-sign-time=1&q-signature=cd",
                "https://h/p?x-cos-security-token=***&q-sign-time=1&q-signature=***",
            ),
            (
                r#"{"cmd":"export TOKEN=ab\ncurl -H \"Authorization: TC3 a=b, c\" u"}"#,
                r#"{"cmd":"export TOKEN=***\ncurl -H \"Authorization: ***\" u"}"#,
            ),
            ("mysql --password hunter2 -h db", "mysql --password *** -h db"),
            ("Passwords.0=abc&A.Password=x&b=1", "Passwords.0=***&A.Password=***&b=1"),
            ("user=a,password=b,host=c", "user=a,password=***,host=c"),
            ("password='a\"b' x", "password='***' x"),
            ("x Bearer abcDEF123456 y", "x Bearer *** y"),
            ("x Basic dXNlcjpwYXNz y", "x Basic *** y"),
            ("git clone https://me:pa55@host/x", "git clone https://me:***@host/x"),
            ("a eyJhbGciOiJI.eyJzdWIiOiIx.c2ln b", "a *** b"),
            (
                r#"{"k":"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n","b":1}"#,
                r#"{"k":"***\n","b":1}"#,
            ),
            (r#"{"k":"{\"p\":\"-----BEGIN PRIVATE KEY-----\\nMIIE\"}"}"#, r#"{"k":"{\"p\":\"***\"}"}"#),
            (r#"{"u":"a?token\u003dabc\u0026x\u003d1"}"#, r#"{"u":"a?token\u003d***\u0026x\u003d1"}"#),
        ] {
            assert_eq!(all(body), expected);
        }
    }

    #[test]
    fn what_only_looks_secret_stays() {
        for body in [
            r#"{"NextToken":"a","ClientToken":"b","MaxTokens":5,"PasswordPolicy":{"Min":8},"TokenCount":1}"#,
            r#"{"AccessKeyId":"AKIDz8krbsJ5yKBZQpn74WFkmLPx3","PrivateKeyId":"k","CookieName":"c","SignName":"s"}"#,
            r#"{"Password":"","Token":null,"KeepPassword":true,"Action":"ResetPassword","Sign":"x"}"#,
            r#"{"Message":"wrong password","b":"basic information, Bearer authentication","M":"a\nNextToken=x"}"#,
            r#"{"Password":"****","CommandName":"reset password"}"#,
            r#"{"Content":"ZWNobyBoaQ==","Url":"https://h:8080/p","cmd":"case token in"}"#,
            "?NextToken=a&x=%26PageToken=1",
            "",
            "中文",
            "{",
            "\\",
            "\"",
        ] {
            assert_eq!(all(body), body);
        }
    }

    #[test]
    fn scripts_are_opened_and_closed_again() {
        let script = tat::encode(b"export DB_PASSWORD=hunter2\necho done");
        let clean = tat::encode(b"export DB_PASSWORD=***\necho done");
        assert_eq!(all(&format!(r#"{{"Content":"{script}","a":1}}"#)), format!(r#"{{"Content":"{clean}","a":1}}"#));
        let wide: Vec<u8> = "$Password = 'hunter2'".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let shown = all(&format!(r#"{{"UserData":"{}"}}"#, tat::encode(&wide)));
        assert_eq!(shown, format!(r#"{{"UserData":"{}"}}"#, tat::encode(b"$Password = '***'")));
        let nested =
            (0..12).fold("pwd=hunter2".to_owned(), |text, _| format!("Content={}", tat::encode(text.as_bytes())));
        let mut shown = all(&nested);
        for _ in 0..12 {
            assert!(!shown.contains("hunter2"));
            shown = String::from_utf8_lossy(&tat::decode(&shown["Content=".len()..]).unwrap_or_default()).into_owned();
            if !shown.starts_with("Content=") {
                break;
            }
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn hostile_bodies_take_linear_time() {
        let start = Instant::now();
        for piece in [
            "[",
            "{\"a\":",
            "\\",
            "\\\"",
            "\"Token\":",
            "Content=",
            "content='",
            "content=\\u0022",
            "password=a,",
            "token:{",
            "\"Key\":\"pwd\",",
            "-----BEGIN PRIVATE KEY-----",
            "://a:",
            "eyJaaaaaa.",
            "token ",
            "-token ",
            "\"",
            "password",
            "password=\\",
            "Bearer ",
            "a,",
            "\"Content\":\"",
            "token=\"'",
        ] {
            let _ = redact(&piece.repeat(200_000 / piece.len()), 1000);
            let _ = redact(&format!("{{\"{}", piece.repeat(200_000 / piece.len())), 1000);
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    }

    const NAMES: [&str; 12] = [
        "Password",
        "SecretKey",
        "secret_access_key",
        "x-cos-security-token",
        "TOKEN",
        "Signature",
        "DbPwd",
        "apiKeyValue",
        "Authorization",
        "Cookie",
        "PrivateKey",
        "AccessKeySecret",
    ];
    const VALUES: [&str; 6] = ["\"@\"", "\"a@ b\"", "{\"x\":[\"@\"]}", "[\"@\",\"@\"]", "\"q\\\"@\"", "\"\\\\@\""];

    fn planted() -> impl Strategy<Value = (String, String)> {
        let parts =
            (prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..]), "[A-Z0-9]{12,24}", 0..4_usize);
        (parts, "[a-z ,{}\\[\\]中:]{0,12}", 0..4_usize).prop_map(|((name, value, secret, times), noise, nest)| {
            let inner = format!("{{\"a\":\"{noise}\",\"{name}\": {},\"z\":\"{noise}\"}}", value.replace('@', &secret));
            let nested = (0..nest).fold(inner, |text, _| format!("{{\"n\":[{text}]}}"));
            let whole = if times == 0 { nested } else { format!("{{\"s\":\"{}\"}}", escaped(&nested, times)) };
            (whole, secret)
        })
    }

    fn survives(text: &str, secret: &str) -> bool {
        (0..=secret.len() - 4).any(|at| text.contains(&secret[at..at + 4]))
    }

    proptest! {
        #[test]
        fn a_planted_secret_never_survives((body, secret) in planted(), at in any::<prop::sample::Index>(), most in 0..300_usize) {
            let whole = all(&body);
            prop_assert!(!survives(&whole, &secret), "{}", whole);
            prop_assert_eq!(&all(&whole), &whole);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&whole).is_ok(), "{} -> {}", body, whole);
            let end = body.floor_char_boundary(at.index(body.len()));
            for body in [&body[..end], &body] {
                let shown = redact(body, most);
                prop_assert!(!survives(&shown, &secret), "{}", shown);
                prop_assert!(shown.len() <= most);
                prop_assert_eq!(redact(&shown, most), shown);
            }
        }

        #[test]
        fn a_planted_secret_never_survives_in_a_script((body, secret) in planted(), name in prop::sample::select(&NAMES[..])) {
            let script = tat::encode(format!("{body}\n{name}={secret}\ncurl --{name} {secret}; x").as_bytes());
            let shown = all(&format!("{{\"Content\":\"{script}\"}}"));
            let plain = tat::decode(&shown[12..shown.len() - 2]).map(|bytes| tat::text(&bytes));
            prop_assert!(plain.as_ref().is_some_and(|text| !survives(text, &secret)), "{:?}", plain);
        }

        #[test]
        fn a_body_without_secrets_stays(text in "[a-z ,{}中:=\"'\\\\]{0,60}", json in "[A-Za-z中]{1,9}") {
            let body = format!("{{\"q{json}q\":\"{}\"}}", text.replace(['\\', '"', 't', 'w', 'k'], "_"));
            prop_assert_eq!(&all(&body), &body);
        }

        #[test]
        fn any_text_is_taken(text in ".*", odd in r#"([\\"':=,{}\[\] *&…]|Token|pwd|Content|--key|中|u0022|eyJ|null){0,40}"#, most in 0..60_usize) {
            for body in [&text, &odd] {
                prop_assert!(redact(body, most).len() <= most);
                let once = all(body);
                prop_assert_eq!(&all(&once), &once, "{}", body);
            }
        }
    }
}
