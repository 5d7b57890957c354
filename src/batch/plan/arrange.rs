//! The order of one section: requests that begin alike stand together, and the first of a group goes ahead of the rest.

use super::Entry;
use std::cmp::Ordering;

/// Requests of a section, and what each begins with.
#[derive(Debug, Default)]
pub(in crate::batch) struct Arrangement {
    entries: Vec<Entry>,
    /// Where the hashes of each begin; they end where those of the next do.
    starts: Vec<u32>,
    hashes: Vec<u32>,
}

impl Arrangement {
    /// Adds a request, after those that stand before it in the file; `beginning` appends its hashes.
    pub(in crate::batch) fn add(&mut self, entry: Entry, beginning: impl FnOnce(&mut Vec<u32>)) {
        self.entries.push(entry);
        self.starts.push(self.hashes.len() as u32);
        beginning(&mut self.hashes);
    }

    /// The requests as they are to be sent, so many at once.
    ///
    /// Groups come in the order of their first requests, those within groups too, and whatever begins like nothing else
    /// stays where it is: a file in which nothing is alike keeps its order.
    pub(in crate::batch) fn finish(mut self, in_flight: usize) -> Vec<Entry> {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        self.sort(&mut order);
        self.name_by_firsts(&order);
        self.sort(&mut order);
        self.heads_first(&order, in_flight.max(1)).into_iter().map(|at| self.entries[at as usize]).collect()
    }

    fn range(&self, at: u32) -> std::ops::Range<usize> {
        let at = at as usize;
        let end = self.starts.get(at + 1).map_or(self.hashes.len(), |&end| end as usize);
        self.starts[at] as usize..end
    }

    fn sort(&self, order: &mut [u32]) {
        order.sort_unstable_by(|&a, &b| {
            let beginnings = self.hashes[self.range(a)].cmp(&self.hashes[self.range(b)]);
            if beginnings == Ordering::Equal { a.cmp(&b) } else { beginnings }
        });
    }

    /// How many hashes two requests have in common.
    fn shared(&self, a: u32, b: u32) -> usize {
        let pairs = self.hashes[self.range(a)].iter().zip(&self.hashes[self.range(b)]);
        pairs.take_while(|(a, b)| a == b).count()
    }

    /// Puts in place of each hash the first request that has it and all before it.
    fn name_by_firsts(&mut self, order: &[u32]) {
        // Of the run of requests that share so many hashes: where it began, and its first request.
        let mut runs: Vec<(usize, u32)> = Vec::new();
        for at in 0..=order.len() {
            let shared = match order.get(at) {
                Some(&own) if at > 0 => self.shared(order[at - 1], own),
                _ => 0,
            };
            while runs.len() > shared
                && let Some((from, first)) = runs.pop()
            {
                let level = runs.len();
                for &own in &order[from..at] {
                    let start = self.starts[own as usize] as usize;
                    self.hashes[start + level] = first;
                }
            }
            let Some(&own) = order.get(at) else { break };
            for (_, first) in &mut runs {
                *first = own.min(*first);
            }
            runs.resize(self.range(own).len(), (at, own));
        }
    }

    /// A group begins where a request has more in common with the next than with the one before. Its first request goes as far ahead
    /// of the rest as requests are in flight: those that are find nothing of each other in a model server's cache. No farther, as
    /// each takes room in it.
    fn heads_first(&self, order: &[u32], in_flight: usize) -> Vec<u32> {
        // The model alone is no beginning.
        let shared: Vec<usize> =
            order.windows(2).map(|pair| self.shared(pair[0], pair[1]).saturating_sub(1)).collect();
        let before = |at: usize| if at == 0 { 0 } else { shared[at - 1] };
        let is_head =
            |at: &usize| before(*at) == 0 || shared.get(*at).is_some_and(|&next| next > before(*at));
        let heads: Vec<usize> = (0..order.len()).filter(is_head).collect();
        let end = |group: usize| heads.get(group + 1).copied().unwrap_or(order.len());
        let mut sent = Vec::with_capacity(order.len());
        // Groups whose first request is sent, and how many requests those after the current group have.
        let (mut ahead, mut reach) = (0, 0);
        for (group, &head) in heads.iter().enumerate() {
            while let Some(&next) = heads.get(ahead).filter(|_| reach < in_flight) {
                sent.push(order[next]);
                if ahead > group {
                    reach += end(ahead) - next;
                }
                ahead += 1;
            }
            sent.extend_from_slice(&order[head + 1..end(group)]);
            if let Some(&next) = heads.get(group + 1).filter(|_| ahead > group + 1) {
                reach -= end(group + 1) - next;
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of requests, each given by its hashes.
    fn arranged(requests: &[&[u32]]) -> Vec<u64> {
        let mut arrangement = Arrangement::default();
        for (line, hashes) in requests.iter().enumerate() {
            let entry = Entry { chunk: 0, index: 0, model: 0, line: line as u64, offset: 0, length: 0 };
            arrangement.add(entry, |all| all.extend_from_slice(hashes));
        }
        arrangement.finish(4).into_iter().map(|entry| entry.line).collect()
    }

    #[test]
    fn requests_that_begin_alike_stand_together_in_the_order_of_the_file() {
        // Two documents under one instruction, asked in turn.
        let (a, b): (&[u32], &[u32]) = (&[9, 5, 8, 8], &[9, 5, 2, 2]);
        assert_eq!(arranged(&[a, b, a, b, a, b]), [0, 1, 2, 4, 3, 5]);
    }

    #[test]
    fn the_first_of_a_group_goes_as_far_ahead_of_the_rest_as_requests_are_in_flight() {
        let documents: Vec<[u32; 2]> = (0..8).map(|document| [1, 100 - document]).collect();
        let requests: Vec<&[u32]> = documents.iter().cycle().take(24).map(<[u32; 2]>::as_slice).collect();
        assert_eq!(
            arranged(&requests),
            [0, 1, 2, 8, 16, 3, 9, 17, 4, 10, 18, 5, 11, 19, 6, 12, 20, 7, 13, 21, 14, 22, 15, 23]
        );
    }

    #[test]
    fn what_begins_like_nothing_else_stays_where_it_is() {
        let keys: Vec<[u32; 3]> = (0..50_u32).map(|at| [1, at.wrapping_mul(0x9E37_79B9), at]).collect();
        let requests: Vec<&[u32]> = keys.iter().map(<[u32; 3]>::as_slice).collect();
        assert_eq!(arranged(&requests), (0..50).collect::<Vec<u64>>());
        assert_eq!(arranged(&[]), Vec::<u64>::new());
        assert_eq!(arranged(&[&[1], &[1], &[1]]), [0, 1, 2]);
    }

    #[test]
    fn groups_within_groups_stand_together_and_models_apart() {
        let requests: [&[u32]; 8] = [
            &[1, 7, 3, 1],
            &[2, 7, 3],
            &[1, 7, 4, 1],
            &[1, 7, 3, 2],
            &[1, 7, 4, 2],
            &[2, 7, 3],
            &[1, 7, 3, 1],
            &[1, 6],
        ];
        // Lines 0 and 6 have all in common, and a document with 3; 2 and 4 have another, and 7 has none.
        assert_eq!(arranged(&requests), [0, 2, 7, 1, 6, 3, 4, 5]);
    }
}
