# Every recipe is a line or two that can be typed by hand as well.

# List the recipes
default:
    @just --list

# What a change must pass
check: fmt-check lint test doc

# Format the code
fmt:
    cargo fmt --all

# Fail if the code is not formatted
fmt-check:
    cargo fmt --all --check

# Lints, as errors
lint:
    cargo clippy --release --all-targets --locked -- -D warnings

# All tests; release, so that polars is compiled once
test:
    cargo test --release --locked

# The library's documentation
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --locked

# Measure whole scans; arguments pick inputs, see tests/bench/README.md
bench *inputs:
    cargo bench --bench scan -- {{inputs}}

# Measure each stage by itself
stages:
    cargo bench --bench stages

# Measure beside DuckDB; see docs/benchmarks.md
compare *rows:
    tests/bench/compare.sh {{rows}}

# Check outputs with the console's SDK, the models of OCSF, a JSON Schema library, DuckDB, pyarrow, openpyxl and markdown-it
formats:
    cargo build --release --locked
    python3 tests/formats/check_csc.py
    python3 tests/formats/check_ocsf.py
    python3 tests/formats/check_schema.py
    python3 tests/formats/check_parquet.py
    python3 tests/formats/check_md.py
    python3 tests/formats/check_xlsx.py
    python3 tests/formats/check_notify.py

# Rewrite expected results of rules and commands; read the difference before keeping it
snap:
    SNAPSHOTS=overwrite TRYCMD=overwrite cargo test --release

# Write fixtures/demo again
demo:
    cargo run --release --example demo

# Licences, sources and duplicate versions of dependencies
deny:
    cargo deny check bans licenses sources

# Start a rule: its file, its page and its fixtures
rule id:
    #!/usr/bin/env bash
    set -euo pipefail
    id='{{id}}'
    if ! [[ "$id" =~ ^[a-z]+(-[a-z]+)*$ ]]; then
        echo "error: a rule's id is lower-case words joined by hyphens, such as root-key-high-risk-api" >&2
        exit 2
    fi
    name=${id//-/_}
    type=$(sed -E 's/(^|-)([a-z])/\u\2/g' <<< "$id")
    file=src/detect/rules/$name.rs page=docs/rules/$id.md fixtures=fixtures/rules/$id
    for path in "$file" "$page" "$fixtures"; do
        if [ -e "$path" ]; then
            echo "error: $path is there already" >&2
            exit 1
        fi
    done
    number=$(($(sed -nE 's/^ *number: ([0-9]+),$/\1/p' src/detect/rules/*.rs | sort -n | tail -1) + 1))
    cat > "$file" <<END
    //! TODO: one line on what the rule finds. See $page.

    use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};
    use crate::event::columns;
    use serde::Deserialize;

    /// What is fixed about the rule.
    pub static META: Meta = Meta {
        number: $number,
        id: "$id",
        title: "TODO",
        level: Level::Medium,
        kind: AlarmType::AbnormalCall,
        attack: "T0000",
        on: false,
        skips_services: true,
        because: "TODO: the condition in words",
        docs: include_str!("../../../$page"),
    };

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct $type {}

    /// Makes the rule; it has no settings of its own.
    pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
        Ok(Box::new(params::<$type>(table)?))
    }

    impl Rule for $type {
        fn row(&self) -> Option<RowCondition> {
            Some(columns::API_CALL.expr().and(columns::SUCCESS.expr()).into())
        }
    }
    END
    {
        printf '# TODO\n\n`%s` · medium · abnormal call · off by default · ATT&CK T0000\n' "$id"
        for heading in 'What it watches' 'Why it matters' 'How it decides' 'What it cannot see' \
            'When it is fine' 'What to do' 'References'; do
            printf '\n## %s\n\nTODO\n' "$heading"
        done
    } > "$page"
    mkdir -p "$fixtures"
    for case in fires quiet; do
        : > "$fixtures/$case.jsonl"
        echo '[]' > "$fixtures/$case.expected.json"
        printf '[rules.%s]\nenabled = true\n' "$id" > "$fixtures/$case.toml"
    done
    echo "Fill in $file, $page and $fixtures, then run: cargo test --release"
