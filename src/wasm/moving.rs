//! Moving a batch to another host, over imports of the host's.

use crate::driver::{self, Export, Import, ImportedInput};
use crate::error::ApiError;
use crate::wasm::calls::promise;
use crate::wasm::host::JsHost;
use crate::wasm::service::Service;
use crate::wasm::values::thrown;
use js_sys::{Array, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Service {
    /// Fences a batch, and gives what exports it.
    #[wasm_bindgen(unchecked_return_type = "Promise<[inputFileId: string, exporter: Exporter]>")]
    pub fn fence(&self, host: JsHost, id: String) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            let (batch, moving) = driver::fence(&host, &id, &settings).await.map_err(thrown)?;
            let export = Rc::new(RefCell::new(Some(Export::new(&id, moving))));
            let input = JsValue::from_str(&batch.input_file_id);
            Ok(Array::of2(&input, &Exporter { host: Rc::new(host), export }.into()).into())
        })
    }

    /// Lets a batch go that another host has taken over behind a fence; without one takes it back.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn settle(&self, host: JsHost, id: String, fence: Option<String>) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            driver::part(&host, &id, fence.as_deref(), &settings).await.map_err(thrown)?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Clears away what imports have left that were cut off some minutes ago.
    #[wasm_bindgen(js_name = sweepImports, unchecked_return_type = "Promise<void>")]
    pub fn sweep_imports(&self, host: JsHost) -> Promise {
        promise(async move {
            driver::sweep_imports(&host).await.map_err(thrown)?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Takes a batch that comes from another host.
    #[wasm_bindgen(js_name = openImport)]
    pub fn open_import(&self, host: JsHost) -> Importer {
        let parts = (Rc::new(host), Rc::new(RefCell::new(Some(Import::default()))));
        Importer { host: parts.0, import: parts.1, settings: Rc::clone(&self.settings) }
    }
}

/// A batch as a stream.
#[wasm_bindgen]
pub struct Exporter {
    host: Rc<JsHost>,
    /// Empty while a piece is being made.
    export: Rc<RefCell<Option<Export>>>,
}

#[wasm_bindgen]
impl Exporter {
    /// The next piece, empty at the end. The input has this name.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn next(&self, filename: String) -> Promise {
        let (host, slot) = (Rc::clone(&self.host), Rc::clone(&self.export));
        promise(async move {
            let mut export = taken(&slot)?;
            let piece = export.next(host.as_ref(), &filename).await;
            *slot.borrow_mut() = Some(export);
            Ok(Uint8Array::from(&piece.map_err(thrown)?[..]).into())
        })
    }
}

/// A batch that comes as a stream.
#[wasm_bindgen]
pub struct Importer {
    host: Rc<JsHost>,
    /// Empty while something is done.
    import: Rc<RefCell<Option<Import>>>,
    settings: Rc<crate::settings::Settings>,
}

#[wasm_bindgen]
impl Importer {
    /// More of the stream: what there is to know of the input, once, and bytes of it.
    #[wasm_bindgen(
        unchecked_return_type = "Promise<[input: [id: string, filename: string, bytes: number] | null, bytes: Uint8Array]>"
    )]
    pub fn push(&self, bytes: Vec<u8>) -> Promise {
        let (host, slot, settings) =
            (Rc::clone(&self.host), Rc::clone(&self.import), Rc::clone(&self.settings));
        promise(async move {
            let mut import = taken(&slot)?;
            let pushed = import.push(host.as_ref(), &bytes, &settings).await;
            *slot.borrow_mut() = Some(import);
            let (input, bytes) = pushed.map_err(thrown)?;
            let input = input.map_or(JsValue::NULL, |ImportedInput { id, filename, bytes }| {
                Array::of3(&id.into(), &filename.into(), &(bytes as f64).into()).into()
            });
            Ok(Array::of2(&input, &Uint8Array::from(&bytes[..])).into())
        })
    }

    /// Checks that all has come; with the id of its input here makes it a batch, and gives its id and the fence of its source;
    /// with nothing more to come clears away what was stored of it.
    #[wasm_bindgen(unchecked_return_type = "Promise<[id: string, fence: string] | undefined>")]
    pub fn end(&self, file_id: Option<String>, abort: bool) -> Promise {
        let (host, slot) = (Rc::clone(&self.host), Rc::clone(&self.import));
        promise(async move {
            let mut import = taken(&slot)?;
            let ended = match file_id {
                None if abort => import.abort(host.as_ref()).await.map(|()| JsValue::UNDEFINED),
                None => import.check().map(|()| JsValue::UNDEFINED),
                Some(file_id) => import
                    .commit(host.as_ref(), &file_id)
                    .await
                    .map(|(id, fence)| Array::of2(&id.into(), &fence.into()).into()),
            };
            *slot.borrow_mut() = Some(import);
            ended.map_err(thrown)
        })
    }
}

fn taken<T>(slot: &RefCell<Option<T>>) -> Result<T, JsValue> {
    let busy = || thrown(ApiError::internal("the stream is busy: await a piece before the next"));
    slot.borrow_mut().take().ok_or_else(busy)
}
