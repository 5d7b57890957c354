//! Which pool of model servers a request goes to.

/// Which pool the requests of a model go to.
#[derive(Debug, Default)]
pub(in crate::batch) struct Routes {
    models: Vec<(String, usize)>,
    /// The pools of the run's models, in their order.
    pools: Vec<usize>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::batch) struct Route {
    /// Which pool it is paced with.
    pub(in crate::batch) pool: usize,
    /// Whether the host said so; else it looks at the request itself.
    pub(in crate::batch) is_known: bool,
}

impl Route {
    /// Of a request that names no model, or one of those that are too many.
    pub(in crate::batch) const UNKNOWN: Self = Self { pool: 0, is_known: false };
}

impl Routes {
    /// Adds the next model of the run, whose pool is not known where there are too many.
    pub(in crate::batch) fn add(&mut self, model: String, pool: Option<usize>) {
        self.pools.push(pool.unwrap_or(Route::UNKNOWN.pool));
        self.models.extend(pool.map(|pool| (model, pool)));
    }

    /// The pool of a model by its place among those of the run.
    pub(in crate::batch) fn at(&self, model: u8) -> usize {
        self.pools.get(usize::from(model)).copied().unwrap_or(Route::UNKNOWN.pool)
    }

    pub(in crate::batch) fn of(&self, model: Option<&str>) -> Route {
        let found = model.and_then(|model| self.models.iter().find(|(known, _)| known == model));
        found.map_or(Route::UNKNOWN, |&(_, pool)| Route { pool, is_known: true })
    }
}
