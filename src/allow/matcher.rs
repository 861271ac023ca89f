//! Many policies tried on many calls: what a policy says of a rule, a key, an API, a code or an address is asked once for
//! each that occurs, not once for each call.

use hashbrown::HashMap;
use ipnet::IpNet;
use std::net::IpAddr;

use super::policy::{Policy, Subject};

/// One bit for each policy.
type Bits = Box<[u64]>;
/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// Policies made ready to be tried on many calls.
#[derive(Debug)]
pub struct Matcher<'p> {
    policies: Vec<Prepared<'p>>,
    rules: Memo,
    methods: Memo,
    codes: Memo,
    keys: Memo,
    apis: Memo,
    /// Addresses without remark and with one.
    sources: [Memo; 2],
    /// Those that still fit, while a call is looked at.
    fitting: Bits,
}

#[derive(Debug)]
struct Prepared<'p> {
    policy: &'p Policy,
    /// The policy's networks, each apart from the others and in order.
    nets: Vec<IpNet>,
}

/// Which policies fit a value, by the two texts that make it up.
#[derive(Debug, Default)]
struct Memo(HashMap<String, HashMap<String, Bits>>);

impl Memo {
    fn keep(
        &mut self,
        fitting: &mut Bits,
        [kind, value]: [&str; 2],
        all: &[Prepared<'_>],
        fits: impl Fn(&Prepared<'_>) -> bool,
    ) {
        let bits = self.0.entry_ref(kind).or_default().entry_ref(value).or_insert_with(|| bits_of(all, fits));
        for (word, more) in fitting.iter_mut().zip(bits.iter()) {
            *word &= more;
        }
    }
}

fn bits_of(all: &[Prepared<'_>], fits: impl Fn(&Prepared<'_>) -> bool) -> Bits {
    let mut bits = vec![0_u64; all.len().div_ceil(WORD)];
    for (place, _) in all.iter().enumerate().filter(|(_, prepared)| fits(prepared)) {
        bits[place / WORD] |= 1 << (place % WORD);
    }
    bits.into()
}

impl<'p> Matcher<'p> {
    /// Makes policies ready; they are known by their place from here on.
    pub fn new(policies: impl IntoIterator<Item = &'p Policy>) -> Self {
        let policies: Vec<Prepared<'p>> = policies.into_iter().map(Prepared::new).collect();
        let fitting = vec![0; policies.len().div_ceil(WORD)].into();
        let [rules, methods, codes, keys, apis] = [(); 5].map(|()| Memo::default());
        Self { policies, rules, methods, codes, keys, apis, sources: Default::default(), fitting }
    }

    /// The places of the policies that cover the call, in order: those for which [`Policy::covers`] is true.
    pub fn covering(&mut self, subject: &Subject<'_>) -> impl Iterator<Item = usize> {
        let Self { policies: all, fitting, .. } = self;
        fitting.fill(u64::MAX);
        let outcome = if subject.success { "success" } else { "failed" };
        let kind = if subject.temporary { "temporary" } else { "permanent" };
        self.rules.keep(fitting, ["", subject.rule], all, |p| p.policy.covers_rule(subject));
        self.methods.keep(fitting, ["", subject.method.as_str()], all, |p| p.policy.covers_method(subject));
        self.codes.keep(fitting, [outcome, subject.code], all, |p| p.policy.covers_code(subject));
        self.keys.keep(fitting, [kind, subject.ak], all, |p| p.policy.covers_key(subject));
        self.apis.keep(fitting, [subject.service, subject.action], all, |p| p.policy.covers_api(subject));
        if fitting.iter().any(|word| *word != 0) {
            let source = [subject.ip_type, subject.source_ip.unwrap_or_default()];
            let address = subject.address();
            let memo = &mut self.sources[usize::from(subject.ip_has_remark)];
            memo.keep(fitting, source, all, |p| p.covers_source(address, subject));
        }
        set_bits(fitting)
    }
}

fn set_bits(bits: &[u64]) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(at * WORD + bit)
        })
    })
}

impl<'p> Prepared<'p> {
    fn new(policy: &'p Policy) -> Self {
        let mut nets = IpNet::aggregate(&policy.ips);
        nets.sort_by_key(IpNet::network);
        Self { policy, nets }
    }

    fn covers_source(&self, address: Option<IpAddr>, subject: &Subject<'_>) -> bool {
        self.policy.any_source() || address.is_some_and(|ip| self.lists(ip) || self.policy.covers_ip_type(subject))
    }

    fn lists(&self, ip: IpAddr) -> bool {
        let after = self.nets.partition_point(|net| net.network() <= ip);
        self.nets[..after].last().is_some_and(|net| net.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::tests::{any_policy, policy};
    use super::super::policy::tests::any_subject;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_found_among_many_networks() {
        let many = policy(|draft| {
            draft.ips = ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "192.0.2.4", "2001:db8::/32", "fd00::1"]
                .map(String::from)
                .to_vec();
        });
        let prepared = Prepared::new(&many);
        let lists = |ip: &str| prepared.lists(ip.parse().unwrap());
        assert!(
            lists("10.1.2.3")
                && lists("10.255.255.255")
                && lists("192.0.2.4")
                && lists("2001:db8:1::")
                && lists("fd00::1")
        );
        assert!(
            !lists("9.255.255.255") && !lists("11.0.0.0") && !lists("192.0.2.5") && !lists("::") && !lists("fd00::2")
        );
    }

    proptest! {
        #[test]
        fn policies_together_cover_what_each_alone_covers(
            policies in prop::collection::vec(any_policy(), 0..80), subjects in prop::collection::vec(any_subject(), 0..12)
        ) {
            let mut matcher = Matcher::new(&policies);
            for subject in subjects.iter().chain(&subjects) {
                let found: Vec<usize> = matcher.covering(subject).collect();
                let alone: Vec<usize> = (0..policies.len()).filter(|place| policies[*place].covers(subject)).collect();
                prop_assert_eq!(found, alone);
            }
        }
    }
}
