//! Reports people read and send: one data model ([`model::Report`]), one file for each format of it.

pub mod advice;
pub mod digest;
pub mod gather;
pub mod html;
pub mod label;
pub mod md;
pub mod model;
pub mod notify;
pub mod safe;
pub mod template;
pub mod texts;
pub mod xlsx;

#[cfg(test)]
mod testing;
