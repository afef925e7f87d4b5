//! Listens to what Sluice tells the world: events by a rule on its bus, alerts by its topic.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_eventbridge::types::Target;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::upgrade::Event;
use sluice_fleet::http::server::{Limits, Server};
use sluice_fleet::process::loopback;

use super::{Stack, eventually};

const LIMITS: Limits = Limits {
    drain: Duration::ZERO,
    stop: Duration::from_secs(1),
};

/// The one target of the rule.
const TARGET: &str = "listener";

/// Messages as SNS delivers them.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
enum Message {
    /// Asks whether the subscription is wanted.
    SubscriptionConfirmation { topic_arn: String, token: String },
    /// What was published.
    Notification {
        topic_arn: String,
        subject: Option<String>,
        message: String,
    },
}

/// How long a subscription may take.
const SUBSCRIBED: Duration = Duration::from_secs(20);

type Heard = Arc<Mutex<Vec<Message>>>;

fn lock(heard: &Heard) -> MutexGuard<'_, Vec<Message>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A rule for one tenant's events, with a topic that brings them here; and a subscription to the alerts of all.
#[derive(Debug)]
pub struct Listener {
    events: aws_sdk_eventbridge::Client,
    topics: aws_sdk_sns::Client,
    bus: String,
    rule: String,
    topic: String,
    alerts: String,
    subscription: String,
    heard: Heard,
    _server: Server,
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    /// When topic, rule or subscriptions are refused.
    pub async fn start(stack: &Stack, tenant: &TenantId) -> Result<Self> {
        let (heard, aws) = (Heard::default(), stack.aws());
        let routes = Router::new()
            .route("/", post(hear))
            .with_state(Arc::clone(&heard));
        let server = Server::start(loopback(0), LIMITS, |_, _| routes).await?;
        let url = format!("http://{}/", server.address());
        let topics = aws_sdk_sns::Client::new(&aws);
        let made = topics.create_topic().name(tenant.as_str()).send().await?;
        let topic = made.topic_arn.context("the topic has no name")?;
        subscribe(&topics, &topic, &url, &heard).await?;
        let subscription = subscribe(&topics, stack.alerts(), &url, &heard).await?;
        let listener = Self {
            events: aws_sdk_eventbridge::Client::new(&aws),
            topics,
            bus: stack.bus().to_owned(),
            rule: tenant.to_string(),
            topic,
            alerts: stack.alerts().to_owned(),
            subscription,
            heard,
            _server: server,
        };
        listener.listen(tenant).await?;
        Ok(listener)
    }

    async fn listen(&self, tenant: &TenantId) -> Result<()> {
        let pattern = json!({ "source": ["sluice"], "detail": { "tenant_id": [tenant] } });
        let rule = self.events.put_rule().name(&self.rule).event_bus_name(&self.bus);
        rule.event_pattern(pattern.to_string()).send().await?;
        let target = Target::builder().id(TARGET).arn(&self.topic).build()?;
        let targets = self
            .events
            .put_targets()
            .rule(&self.rule)
            .event_bus_name(&self.bus);
        targets.targets(target).send().await?;
        Ok(())
    }

    /// The events of an upgrade that were heard, by number; one that was delivered twice is there twice.
    ///
    /// # Errors
    /// When something that was heard is no event.
    pub fn events(&self, id: UpgradeId) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for (_, message) in self.published(&self.topic) {
            let mut envelope: Value = serde_json::from_str(&message)?;
            let event: Event = serde_json::from_value(envelope["detail"].take())?;
            ensure!(
                envelope["detail-type"] == event.name,
                "an event by another name: {envelope}"
            );
            events.push(event);
        }
        events.retain(|event| event.upgrade_id == id);
        events.sort_by_key(|event| event.seq);
        Ok(events)
    }

    /// Subjects of the alerts about an upgrade.
    #[must_use]
    pub fn alerts(&self, id: UpgradeId) -> Vec<String> {
        let id = id.to_string();
        let about = self
            .published(&self.alerts)
            .into_iter()
            .filter(|(_, message)| message.contains(&id));
        about.filter_map(|(subject, _)| subject).collect()
    }

    /// Subject and text of all that came from a topic.
    fn published(&self, topic: &str) -> Vec<(Option<String>, String)> {
        let published = |message: &Message| match message {
            Message::Notification {
                topic_arn,
                subject,
                message,
            } if topic_arn == topic => Some((subject.clone(), message.clone())),
            _ => None,
        };
        lock(&self.heard).iter().filter_map(published).collect()
    }

    /// Takes rule, topic and subscription away.
    ///
    /// # Errors
    /// When one of them does not go.
    pub async fn stop(self) -> Result<()> {
        let targets = self
            .events
            .remove_targets()
            .rule(&self.rule)
            .event_bus_name(&self.bus);
        targets.ids(TARGET).send().await?;
        self.events
            .delete_rule()
            .name(&self.rule)
            .event_bus_name(&self.bus)
            .send()
            .await?;
        self.topics
            .unsubscribe()
            .subscription_arn(&self.subscription)
            .send()
            .await?;
        self.topics.delete_topic().topic_arn(&self.topic).send().await?;
        Ok(())
    }
}

/// Subscribes, and says that it is wanted once the topic asks. Gives the name of the subscription.
async fn subscribe(topics: &aws_sdk_sns::Client, topic: &str, url: &str, heard: &Heard) -> Result<String> {
    topics
        .subscribe()
        .topic_arn(topic)
        .protocol("http")
        .endpoint(url)
        .send()
        .await?;
    let asked = |message: &Message| match message {
        Message::SubscriptionConfirmation { topic_arn, token } if topic_arn == topic => Some(token.clone()),
        _ => None,
    };
    let token = eventually("the topic asks for a confirmation", SUBSCRIBED, async || {
        Ok(lock(heard).iter().find_map(asked).ok_or("silence"))
    });
    let confirmed = topics
        .confirm_subscription()
        .topic_arn(topic)
        .token(token.await?)
        .send()
        .await?;
    confirmed.subscription_arn.context("the subscription has no name")
}

/// Takes a message; what is none is refused, and a test that waits for it says what is missing.
async fn hear(State(heard): State<Heard>, body: Bytes) -> StatusCode {
    match serde_json::from_slice(&body) {
        Ok(message) => {
            lock(&heard).push(message);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
