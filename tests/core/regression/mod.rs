//! Faults that were found once, each under the name of what must hold instead. A fault that is mended gets its test
//! here, unless it is a case of what another module already goes through.

mod calls_cut_off;
mod clock_set_back;
mod one_spoils_others;
