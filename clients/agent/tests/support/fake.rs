//! A pretended instance whose steps fail or hang where the test says.

use std::sync::Mutex;

use sluice_agent::failure::{Code, Failure};
use sluice_agent::host::Host;
use sluice_contract::check_in::Artifact;
use sluice_core::checks::{Checks, PostUpgradeVerify};
use sluice_core::release::Release;

#[derive(Default)]
pub struct World {
    pub calls: Vec<&'static str>,
    pub linked: Option<Release>,
    pub alive: Option<Release>,
    pub kept: Option<Release>,
    /// The call (from 0) that fails.
    pub fails_at: Option<usize>,
    /// The call (from 0) that never returns; its effect happens first when the flag is set.
    pub hangs_at: Option<(usize, bool)>,
    pub sick: Option<Release>,
}

#[derive(Default)]
pub struct Fake(Mutex<World>);

impl Fake {
    pub fn look<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    async fn step(
        &self,
        name: &'static str,
        code: Code,
        effect: impl FnOnce(&mut World),
    ) -> Result<(), Failure> {
        let (hangs, fails) = self.look(|w| {
            let index = w.calls.len();
            w.calls.push(name);
            let hangs = w.hangs_at.filter(|(at, _)| *at == index);
            let fails = w.fails_at == Some(index);
            if hangs.is_none_or(|(_, after)| after) && !fails {
                effect(w);
            }
            (hangs.is_some(), fails)
        });
        if hangs {
            std::future::pending::<()>().await;
        }
        if fails {
            Err(Failure::new(code, name))
        } else {
            Ok(())
        }
    }
}

impl Host for Fake {
    async fn prepare(&self, _: &Artifact) -> Result<(), Failure> {
        Ok(())
    }
    async fn admit(&self, _: &Checks) -> Result<(), Failure> {
        Ok(())
    }
    async fn drain(&self) -> Result<(), Failure> {
        self.step("drain", Code::DrainFailed, |_| {}).await
    }
    async fn fail_over(&self) -> Result<(), Failure> {
        self.step("fail over", Code::FailoverFailed, |_| {}).await
    }
    async fn stop(&self) -> Result<(), Failure> {
        self.step("stop", Code::StopFailed, |w| (w.alive, w.kept) = (None, None))
            .await
    }
    async fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        self.step("link", Code::StorageFailed, |w| w.linked = release.cloned())
            .await
    }
    fn linked(&self) -> Option<Release> {
        self.look(|w| w.linked.clone())
    }
    async fn start(&self, release: &Release) -> Result<(), Failure> {
        assert_eq!(self.linked().as_ref(), Some(release), "what is started is linked");
        assert_eq!(self.look(|w| w.alive.clone()), None, "two services at once");
        self.step("start", Code::StartFailed, |w| w.alive = Some(release.clone()))
            .await
    }
    async fn verify(&self, release: &Release) -> Result<(), Failure> {
        self.step("verify", Code::VerifyFailed, |_| {}).await?;
        let well = self.look(|w| w.alive.as_ref() == Some(release) && w.sick.as_ref() != Some(release));
        if well {
            Ok(())
        } else {
            Err(Failure::new(Code::VerifyFailed, "sick"))
        }
    }
    async fn confirm(&self, release: &Release, _: &PostUpgradeVerify) -> Result<(), Failure> {
        assert_eq!(self.look(|w| w.alive.clone()).as_ref(), Some(release));
        self.step("confirm", Code::VerifyFailed, |_| {}).await
    }
    async fn keep(&self, release: &Release) {
        self.look(|w| {
            w.kept = Some(release.clone());
            w.alive.get_or_insert(release.clone());
        });
    }
    async fn probe(&self, _: &Release) -> bool {
        true
    }
    async fn tidy(&self, _: &[Release]) {}
}
