//! A stop signal that many tasks can wait for, raised by hand or by the drop of its owner.

use tokio::sync::watch;

/// Raises the signal; dropping it raises it as well.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Waits for the signal.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

/// A connected pair.
#[must_use]
pub fn channel() -> (Stopper, StopSignal) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), StopSignal(receiver))
}

impl Stopper {
    /// Raises the signal for everybody, now and later; a second call changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl StopSignal {
    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns when it is raised, at once when it was before.
    pub async fn raised(&mut self) {
        // The only error is an owner that is gone, and that is a stop too.
        let _gone = self.0.wait_for(|raised| *raised).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_reaches_all_and_a_lost_owner_is_a_stop() {
        let (stopper, mut first) = channel();
        let mut second = first.clone();
        assert!(!first.is_raised());
        stopper.stop();
        first.raised().await;
        second.raised().await;
        assert!(first.is_raised());

        let (stopper, mut signal) = channel();
        drop(stopper);
        signal.raised().await;
        assert!(signal.is_raised());
    }
}
