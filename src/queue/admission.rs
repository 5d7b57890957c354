//! Which batches may run: the first in order, up to a limit; a cancelled one needs no slot, only its ending.

/// Who runs and who rests. Ids sort by creation.
#[derive(Debug, Default)]
pub struct Admission {
    max: usize,
    running: Vec<String>,
    /// Not before this Unix millisecond.
    resting: Vec<(String, u64)>,
}

impl Admission {
    /// At most `max` batches at once; none means one.
    pub fn new(max: u32) -> Self {
        Self { max: max.max(1) as usize, ..Self::default() }
    }

    /// As it was before its process ended: which batches had a slot, and which rest until when.
    pub fn resume(max: u32, running: Vec<String>, resting: Vec<(String, u64)>) -> Self {
        Self { running, resting, ..Self::new(max) }
    }

    /// How many of the unfinished batches that come first to offer so that every free slot can be filled.
    pub fn wanted(&self) -> usize {
        self.max + self.running.len() + self.resting.len()
    }

    /// Those of the first unfinished batches, and of the cancelled ones, that are to start now.
    pub fn admit(&mut self, now: u64, first: &[String], cancelled: &[String]) -> Vec<String> {
        self.resting.retain(|(_, wake_at)| *wake_at > now);
        let mut admitted = Vec::new();
        for id in cancelled {
            if self.is_waiting(id) {
                self.running.push(id.clone());
                admitted.push(id.clone());
            }
        }
        // A cancelled batch runs without a slot: it only has its ending to write.
        let mut places = self.running.iter().filter(|id| !cancelled.contains(id)).count();
        for id in first {
            if places >= self.max {
                break;
            }
            if self.is_waiting(id) {
                self.running.push(id.clone());
                admitted.push(id.clone());
                places += 1;
            }
        }
        admitted
    }

    fn is_waiting(&self, id: &String) -> bool {
        !self.running.contains(id) && !self.resting.iter().any(|(resting, _)| resting == id)
    }

    /// A batch's turn ended; it continues at `wake_at`, if at all.
    pub fn ended(&mut self, id: &str, wake_at: Option<u64>) {
        self.running.retain(|running| running != id);
        if let Some(wake_at) = wake_at {
            self.resting.retain(|(resting, _)| resting != id);
            self.resting.push((id.to_owned(), wake_at));
        }
    }

    /// When the next resting batch may continue.
    pub fn wakes_at(&self) -> Option<u64> {
        self.resting.iter().map(|(_, wake_at)| *wake_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_oldest_batches_run_up_to_the_maximum_and_the_rest_wait_in_order() {
        let mut admission = Admission::new(2);
        let all = ids(&["a", "b", "c", "d"]);
        assert_eq!(admission.admit(0, &all, &[]), ids(&["a", "b"]));
        assert_eq!(admission.admit(0, &all, &[]), ids(&[]));
        admission.ended("a", None);
        assert_eq!(admission.admit(0, &all[1..], &[]), ids(&["c"]));
    }

    #[test]
    fn places_taken_before_a_restart_stay_taken() {
        let mut admission = Admission::resume(2, ids(&["b"]), vec![("a".to_owned(), 100)]);
        let all = ids(&["a", "b", "c", "d"]);
        assert_eq!(admission.admit(50, &all, &[]), ids(&["c"]));
        admission.ended("c", None);
        assert_eq!(admission.admit(100, &all, &[]), ids(&["a"]));
    }

    #[test]
    fn a_cancelled_batch_is_ended_without_waiting_for_a_place() {
        let mut admission = Admission::new(1);
        let all = ids(&["a", "b"]);
        assert_eq!(admission.admit(0, &all, &[]), ids(&["a"]));
        assert_eq!(admission.admit(0, &all, &ids(&["b"])), ids(&["b"]));
    }

    #[test]
    fn a_resting_batch_leaves_its_place_to_others_until_it_wakes() {
        let mut admission = Admission::new(1);
        let all = ids(&["a", "b"]);
        admission.admit(0, &all, &[]);
        admission.ended("a", Some(100));
        assert_eq!(admission.wakes_at(), Some(100));
        assert_eq!(admission.admit(50, &all, &[]), ids(&["b"]));
        admission.ended("b", None);
        assert_eq!(admission.admit(100, &all[..1], &[]), ids(&["a"]));
    }
}
