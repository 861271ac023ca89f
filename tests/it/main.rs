//! All integration tests in one binary: linking polars once is minutes faster than once per file.

#![allow(clippy::format_push_string, reason = "texts of tests are short")]

mod comforts;
mod commands;
mod crash;
mod database;
mod demo;
mod formats;
mod lang;
mod laws;
mod meta;
mod naive;
mod outputs;
mod parquet;
mod places;
mod policy;
mod reader;
mod report;
mod rules;
mod schema;
mod story;

mod support;
