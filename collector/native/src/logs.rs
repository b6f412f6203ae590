//! One request of logs: makes rows of the records of coding agents, hands typed events back, ignores the rest.

use crate::agent_record::Prompts;
use crate::batch::{parts, scope_names, Batch};
use crate::otlp::LogRecord;
use crate::wire::Fields;

impl<'a> Batch<'a> {
    /// Reads a whole request; `None` declines it.
    pub fn read_logs(&mut self, body: &'a [u8]) -> Option<()> {
        let mut record = LogRecord::default();
        let mut walk = Fields::of(body);
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            if number != 1 {
                continue;
            }
            let (resource, scopes) = parts(value.bytes()?, 2)?;
            self.read_resource(resource)?;
            let mut prompts = Prompts::default();
            for scope in scopes {
                self.read_scope_logs(scope, &mut record, &mut prompts)?;
            }
        }
        Some(())
    }

    fn read_scope_logs(
        &mut self,
        bytes: &'a [u8],
        record: &mut LogRecord<'a>,
        prompts: &mut Prompts<'a>,
    ) -> Option<()> {
        let (scope, records) = parts(bytes, 3)?;
        let (scope, _) = scope_names(scope)?;
        for bytes in records {
            record.read(bytes)?;
            self.resources.last_mut()?.received += 1;
            self.changes.clear();
            if self.is_typed(record) {
                self.hand_back(bytes, scope, self.places());
                continue;
            }
            // What a record of an agent tells depends on those before it: Python treats all of them, or none.
            let is_told = self.add_agent_record(record, scope, prompts).ok()?;
            self.keep_changes();
            self.resources.last_mut()?.ignored += u64::from(!is_told);
        }
        Some(())
    }

    fn is_typed(&self, record: &LogRecord<'a>) -> bool {
        let name = match record.event_name {
            "" => record.first(&self.known.agents.data.event_name).text(),
            name => name,
        };
        self.known.facts.kinds.iter().any(|kind| kind.0 == name)
    }
}
