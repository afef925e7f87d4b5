//! An embedded DynamoDB on a loopback port, with the table in it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use dynoxide::Database;
use sluice_aws::dynamodb::Table;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

const NAME: &str = "sluice-test";

/// A running server. It ends with this value.
pub struct Local {
    /// The stores.
    pub table: Table,
    /// The server behind them, for what no port does.
    pub raw: Client,
    /// Its address.
    pub url: String,
    server: AbortHandle,
}

impl Local {
    /// The name of the table.
    pub fn name(&self) -> &'static str {
        NAME
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Starts a server with an empty table.
pub async fn start() -> Local {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let database = Database::memory().unwrap();
    let server = tokio::spawn(dynoxide::server::serve_on(listener, database)).abort_handle();
    let url = format!("http://{address}");
    let config = config(&url);
    let raw = Client::new(&config);
    create_table(&raw).await;
    Local {
        table: Table::new(&config, NAME),
        raw,
        url,
        server,
    }
}

/// A configuration for a server that checks no signature.
pub fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

async fn create_table(client: &Client) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    let names = ["pk", "sk", "gsi1pk", "gsi1sk"];
    let attributes = names.map(|name| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    });
    let index = GlobalSecondaryIndex::builder()
        .index_name("by-tenant")
        .key_schema(key("gsi1pk", KeyType::Hash))
        .key_schema(key("gsi1sk", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(NAME)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .set_attribute_definitions(Some(attributes.to_vec()))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
