//! Results: an answer to a line of the output or error file, and how lines are stored until those are written.

pub(crate) mod answer;
pub(crate) mod checksum;
pub(crate) mod group;
pub(crate) mod output_line;
pub(crate) mod trouble;
