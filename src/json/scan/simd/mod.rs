//! The scanner with SIMD instructions, after simdjson.
//!
//! | room | what it holds |
//! |---|---|
//! | `vector` | 16 bytes at once: the few instructions needed, in WebAssembly, on x86-64 and on ARM |
//! | `blocks` | 64 bytes at once: what is string and what is structure |
//! | `checks` | of the blocks that ask for it: are escapes and UTF-8 right |
//! | `constants` | what they compare with |
//! | `walk` | from one piece of structure to the next: is the grammar kept, where are the members |

mod blocks;
mod checks;
mod constants;
mod vector;
mod walk;

pub(super) use walk::Walk;
