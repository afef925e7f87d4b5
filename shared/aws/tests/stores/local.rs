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
use uuid::Uuid;

const NAME: &str = "sluice-test";

/// Names another server, by its URL, to run these tests on: one that keeps an account of its own for each access key
/// of 12 digits.
const OTHER_SERVER: &str = "SLUICE_TEST_DYNAMODB_URL";

/// A server with an empty table. The embedded one ends with this value.
pub struct Local {
    /// The stores.
    pub table: Table,
    /// The server behind them, for what no port does.
    pub raw: Client,
    /// How it is reached.
    pub config: SdkConfig,
    server: Option<AbortHandle>,
}

impl Local {
    /// The name of the table.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        self.config.endpoint_url().unwrap()
    }

    /// How the server is reached by another address.
    pub fn config_by(&self, url: &str) -> SdkConfig {
        self.config.clone().into_builder().endpoint_url(url).build()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// Starts a server with an empty table.
pub async fn start() -> Local {
    let (url, server) = match std::env::var(OTHER_SERVER) {
        Ok(url) => (url, None),
        Err(_) => embedded().await,
    };
    let config = config(&url);
    let raw = Client::new(&config);
    create_table(&raw).await;
    Local {
        table: Table::new(&config, NAME),
        raw,
        config,
        server,
    }
}

async fn embedded() -> (String, Option<AbortHandle>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let database = Database::memory().unwrap();
    let server = tokio::spawn(dynoxide::server::serve_on(listener, database));
    (url, Some(server.abort_handle()))
}

/// A configuration with an account that nobody else has.
fn config(url: &str) -> SdkConfig {
    let account = format!("{:012}", Uuid::new_v4().as_u128() % 1_000_000_000_000);
    let credentials = Credentials::new(account, "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
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
    let names = [
        "pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "gsi3pk", "gsi3sk",
    ];
    let attributes = names.map(|name| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    });
    let index = |name: &str, pk: &str, sk: &str, projected| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(pk, KeyType::Hash))
            .key_schema(key(sk, KeyType::Range))
            .projection(Projection::builder().projection_type(projected).build())
            .build()
            .unwrap()
    };
    client
        .create_table()
        .table_name(NAME)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .set_attribute_definitions(Some(attributes.to_vec()))
        .global_secondary_indexes(index("by-tenant", "gsi1pk", "gsi1sk", ProjectionType::All))
        .global_secondary_indexes(index("open", "gsi2pk", "gsi2sk", ProjectionType::KeysOnly))
        .global_secondary_indexes(index("troubled", "gsi3pk", "gsi3sk", ProjectionType::KeysOnly))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
