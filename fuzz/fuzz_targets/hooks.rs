//! What agents' hooks give on standard input: no panic, and a payload of one agent is never attributed to two.
#![no_main]

use countersign_agents::{AgentKind, Refusal, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for agent in AgentKind::ALL {
        match read(*agent, payload) {
            // Whoever it was read as reads it the same when asked directly.
            Ok(call) => assert_eq!(read(call.agent, payload), Ok(call)),
            Err(Refusal::OtherAgent { asked, looks_like }) => assert_ne!(asked, looks_like),
            Err(_) => {}
        }
    }
});
