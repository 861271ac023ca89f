//! What the name of a parameter, a header or a variable says about its value.

use hashbrown::HashMap;
use std::cell::RefCell;

/// Endings of names that hold a secret. Names are compared in lower case, without `_` and `-`.
const SECRET_ENDS: &str = "password passwords passwd pwd passcode passphrase secret secrets secretkey appkey privatekey \
    secretid secretaccesskey encryptedkey encryptionkey signingkey masterkey aeskey sshkey presharekey seckey keymaterial \
    secretstring secretbinary kubeconfig pass token accesstokens refreshtokens sessiontokens signature credential credentials";

/// Whole names that hold a secret.
const SECRET_NAMES: &str = "psk pkey plaintext cookies redisauth";

/// Parts of names that hold a secret, unless the name ends as in [`HARMLESS_ENDS`].
const SECRET_PARTS: &str = "apikey accesskeysecret authorization cookie passphrase privatekey encryptedkey secretkey";

/// Endings of names that tell about a secret without holding it.
const HARMLESS_ENDS: &str = "id ids name names type policy status count length time enabled expires";

/// Names that end like a secret and hold none.
const HARMLESS_NAMES: [&str; 3] = [
    // Places in a list, to ask for the next page.
    "nexttoken pagetoken nextpagetoken prevpagetoken continuationtoken nextcontinuationtoken paginationtoken",
    // Chosen by the caller so that a repeated call acts once.
    "clienttoken clientrequesttoken idempotencytoken",
    // Words that end like one.
    "bypass compass",
];

/// Names too common to be secret, except in a query string, before `=`.
const QUERY_NAMES: &str = "sign sig";

/// Parameters whose value is a whole script in base64.
const ENCODED_NAMES: &str = "content userdata userscript prestartuserscript";

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    Plain,
    /// It is secret.
    Secret,
    /// A secret HTTP header, whose value may have blanks in it.
    Header,
    /// It is a script in base64.
    Encoded,
}

fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Tells whether a name, of any spelling, is known to hold no secret although it ends like one.
pub(super) fn is_harmless(name: &str) -> bool {
    let name = plain_name(name);
    HARMLESS_NAMES.iter().any(|names| names.split(' ').any(|known| known == name))
}

/// Names judged before; bodies of one API have the same names over and over. No more and no longer ones than these.
const MAX_KNOWN: usize = 4096;
const MAX_KNOWN_LENGTH: usize = 64;

thread_local! {
    /// Without and with `=` behind the name.
    static KNOWN: RefCell<[HashMap<Box<str>, Kind>; 2]> = RefCell::default();
}

/// Judges a name; `in_query` when `=` follows it.
pub(super) fn kind(name: &str, in_query: bool) -> Kind {
    if name.len() > MAX_KNOWN_LENGTH {
        return judged(name, in_query);
    }
    KNOWN.with_borrow_mut(|known| {
        let known = &mut known[usize::from(in_query)];
        if let Some(kind) = known.get(name) {
            return *kind;
        }
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        *known.entry(name.into()).or_insert_with(|| judged(name, in_query))
    })
}

fn judged(name: &str, in_query: bool) -> Kind {
    let name = plain_name(name);
    let is_in = |list: &str| list.split(' ').any(|known| known == name);
    let ends = |list: &str| list.split(' ').any(|end| name.ends_with(end));
    if is_harmless(&name) {
        Kind::Plain
    } else if is_in(ENCODED_NAMES) {
        Kind::Encoded
    } else if ends("authorization cookie") {
        Kind::Header
    } else if ends(SECRET_ENDS)
        || is_in(SECRET_NAMES)
        || in_query && is_in(QUERY_NAMES)
        || !ends(HARMLESS_ENDS) && SECRET_PARTS.split(' ').any(|part| name.contains(part))
    {
        Kind::Secret
    } else {
        Kind::Plain
    }
}
