//! The calls of the Batches API, and what runs batches.

use crate::bindings::exports::edgebatch::component::api::{
    ApiError, Guest, GuestInputReader, GuestService, InputReader, Piece, Service, ValidRequest,
};
use crate::host::Imports;
use crate::{Component, refused, text};
use edgebatch::{Host, Owner, RequestLine, Settings, Turn, from_json};
use futures::lock::Mutex;
use std::cell::{OnceCell, RefCell};

impl Guest for Component {
    type InputReader = Reader;
    type Service = Opened;
}

/// A service with its settings.
pub(crate) struct Opened {
    settings: Settings,
    /// Who runs batches, from the first on.
    owner: OnceCell<RefCell<Owner>>,
}

impl GuestService for Opened {
    fn open(settings: String) -> Result<Service, ApiError> {
        let settings: Settings = from_json(settings.as_bytes()).map_err(refused)?;
        settings.check().map_err(refused)?;
        Ok(Service::new(Self { settings, owner: OnceCell::new() }))
    }

    async fn create(&self, params: String) -> Result<String, ApiError> {
        let params = from_json(params.as_bytes()).map_err(refused)?;
        edgebatch::create(&Imports, params, &self.settings).await.map(|batch| text(&batch)).map_err(refused)
    }

    async fn retrieve(&self, id: String) -> Result<String, ApiError> {
        edgebatch::retrieve(&Imports, &id, &self.settings).await.map(|batch| text(&batch)).map_err(refused)
    }

    async fn cancel(&self, id: String) -> Result<String, ApiError> {
        edgebatch::cancel(&Imports, &id, &self.settings).await.map(|batch| text(&batch)).map_err(refused)
    }

    async fn list(&self, params: String) -> Result<String, ApiError> {
        let params = from_json(params.as_bytes()).map_err(refused)?;
        edgebatch::list(&Imports, params).await.map(|list| text(&list)).map_err(refused)
    }

    async fn run_turn(&self, id: String, deadline: Option<u64>) -> Result<String, ApiError> {
        let random = [Imports.random(), Imports.random()];
        let owner = self.owner.get_or_init(|| RefCell::new(Owner::new(random, &self.settings)));
        let turn = Turn { deadline, owner: Some(owner) };
        edgebatch::run_turn(&Imports, &id, &self.settings, turn).await.map(|end| text(&end)).map_err(refused)
    }

    async fn serve(&self) {
        edgebatch::serve(&Imports, &self.settings).await;
    }

    async fn open_input(&self, file_id: String, endpoint: String) -> InputReader {
        let reader = edgebatch::InputReader::new(&Imports, &file_id, &endpoint, false, &self.settings);
        InputReader::new(Reader(Mutex::new(reader)))
    }
}

/// A stored file under way. Who asks while a piece is read waits for it.
pub(crate) struct Reader(Mutex<edgebatch::InputReader>);

impl GuestInputReader for Reader {
    async fn next(&self) -> Result<Piece, ApiError> {
        let mut requests = Vec::new();
        let mut take = |line: u64, request: &RequestLine<'_>| {
            requests.push(ValidRequest {
                line,
                custom_id: request.custom_id.to_string(),
                method: request.method.to_string(),
                url: request.url.to_string(),
                body: String::from_utf8_lossy(request.body).into_owned(),
            });
        };
        let mut reader = self.0.lock().await;
        let report = reader.next(&Imports, &mut take).await.map_err(refused)?.map(text);
        Ok(Piece { requests, report })
    }
}
