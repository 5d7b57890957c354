//! Results: an answer to a line of the output or error file, and how lines are stored until those are written.
//!
//! | room | what it holds |
//! |---|---|
//! | `answer`, `body` | what an answer is taken for, and what its body is |
//! | `trouble` | what it says of the server |
//! | `output_line` | the lines of both files, byte for byte |
//! | `past_line` | a line that an earlier batch wrote, read back |
//! | `outcome` | how requests ended, one and all |
//! | `group`, `checksum` | finished lines as they are stored |
//! | `order` | in which order they came |
//! | `repeat` | requests that are answered as another was |

pub(crate) mod answer;
mod body;
pub(crate) mod checksum;
pub(crate) mod group;
pub(crate) mod order;
pub(crate) mod outcome;
pub(crate) mod output_line;
pub(crate) mod past_line;
pub(crate) mod repeat;
pub(crate) mod trouble;

/// An upstream's text, as far as it is quoted.
pub(crate) fn quote(text: &str) -> String {
    const CHARS: usize = 1_000;
    crate::text::quoted(text, CHARS).into_owned()
}
