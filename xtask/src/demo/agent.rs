//! The configuration of the demo's agents.

use std::path::Path;

use super::fleet::Site;
use super::release::{KEY_ID, Publisher};

impl Site<'_> {
    /// The configuration of one agent, whose service listens on `port`.
    pub(super) fn agent_config(
        &self,
        id: &str,
        ordinal: usize,
        port: u16,
        home: &Path,
        publisher: &Publisher,
    ) -> String {
        format!(
            r#"api_url = {api:?}
enrolment_secret_file = {secret:?}
tenant_id = "{tenant}"
component_id = "{component}"
instance_id = "{id}"
ordinal = {ordinal}
failure_domain = "zone-{zone}"
home = {home:?}

[trusted_keys]
{KEY_ID} = """
{key}"""

[service]
start = [{service:?}, "--port", "{port}", "--release-dir", "{{current}}"]
stop_timeout_ms = 3000
verify_timeout_ms = 20000
verify_interval_ms = 100
health_interval_ms = 1000

[[checks]]
kind = "http"
url = "http://127.0.0.1:{port}/health"
expected_status = 200
expected = "{{version}}"
timeout_ms = 2000
"#,
            api = self.stack.api_url,
            secret = self.secret_file(),
            tenant = self.api.tenant,
            component = self.api.component,
            zone = ordinal % 3,
            key = publisher.public_key_pem,
            service = self.service,
        )
    }
}
