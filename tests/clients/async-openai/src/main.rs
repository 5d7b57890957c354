//! Drives a batch with async-openai, whose types are stricter than those of the official clients: a file goes up, a batch runs,
//! both files and every list are read into types. `edgebatch-async-openai BASE_URL`.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::batches::{
    Batch, BatchCompletionWindow, BatchEndpoint, BatchRequest, BatchRequestOutput, BatchStatus,
};
use async_openai::types::files::{
    CreateFileRequest, FileExpirationAfter, FileExpirationAfterAnchor, FileInput, FilePurpose,
};
use std::error::Error;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One line that is answered, and one that asks for what there is not.
fn lines() -> String {
    let line = |id: &str, n: u32| {
        serde_json::json!({
            "custom_id": id, "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "echo-1", "messages": [{"role": "user", "content": "hello"}], "n": n}
        })
    };
    format!("{}\n{}\n", line("good", 1), line("bad", 0))
}

async fn upload(client: &Client<OpenAIConfig>, content: String) -> Result<String> {
    let request = CreateFileRequest {
        file: FileInput::from_vec_u8("in.jsonl".to_owned(), content.into_bytes()),
        purpose: FilePurpose::Batch,
        expires_after: Some(FileExpirationAfter {
            anchor: FileExpirationAfterAnchor::CreatedAt,
            seconds: 3_600,
        }),
    };
    let file = client.files().create(request).await?;
    assert_eq!(client.files().retrieve(&file.id).await?.id, file.id);
    Ok(file.id)
}

async fn create(client: &Client<OpenAIConfig>, input_file_id: &str) -> Result<Batch> {
    let request = BatchRequest {
        input_file_id: input_file_id.to_owned(),
        endpoint: BatchEndpoint::V1ChatCompletions,
        completion_window: BatchCompletionWindow::W24H,
        metadata: None,
        output_expires_after: None,
    };
    Ok(client.batches().create(request).await?)
}

async fn ended(client: &Client<OpenAIConfig>, id: &str) -> Result<Batch> {
    loop {
        let batch = client.batches().retrieve(id).await?;
        match batch.status {
            BatchStatus::Completed | BatchStatus::Failed | BatchStatus::Cancelled | BatchStatus::Expired => {
                return Ok(batch);
            }
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn outputs(client: &Client<OpenAIConfig>, id: Option<String>) -> Result<Vec<BatchRequestOutput>> {
    let content = client.files().content(&id.ok_or("a file")?).await?;
    let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(serde_json::from_slice).collect::<std::result::Result<_, _>>()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let base = std::env::args().nth(1).ok_or("the base URL")?;
    let client = Client::with_config(OpenAIConfig::new().with_api_base(base).with_api_key("any"));

    let input = upload(&client, lines()).await?;
    let batch = ended(&client, &create(&client, &input).await?.id).await?;
    let counts = batch.request_counts.as_ref().ok_or("counts")?;
    assert_eq!((counts.total, counts.completed, counts.failed), (2, 1, 1));
    let output = outputs(&client, batch.output_file_id.clone()).await?;
    assert_eq!((output.len(), output[0].custom_id.as_str()), (1, "good"));
    let error = outputs(&client, batch.error_file_id.clone()).await?;
    assert_eq!((error.len(), error[0].custom_id.as_str()), (1, "bad"));
    println!("ok a batch from file to results");

    let broken = upload(&client, "{\"custom_id\":\"a\"}\n".to_owned()).await?;
    let failed = ended(&client, &create(&client, &broken).await?.id).await?;
    assert!(matches!(failed.status, BatchStatus::Failed));
    assert!(!failed.errors.ok_or("errors")?.data.is_empty());
    println!("ok a batch that is refused says why");

    assert_eq!(client.batches().list().await?.data.len(), 2);
    assert!(client.files().list().await?.data.len() >= 4);
    assert!(client.files().delete(&input).await?.deleted);
    assert!(client.files().retrieve(&input).await.is_err());
    println!("ok lists, and a file that is deleted");
    Ok(())
}
