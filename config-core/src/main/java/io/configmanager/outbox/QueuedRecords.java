// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.outbox.Queued.Done;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Queued writes, and what became of them, as records of a {@link Journal}: JSON. */
final class QueuedRecords {

    private final JsonMapper json = JsonMapper.builder().build();

    /**
     * What a journal held when it was opened.
     *
     * @param states the newest state of each write that may not be finished
     * @param finished what is known of finished ones
     * @param sizes of the states on disk
     * @param last the highest sequence; 0 if there is none
     * @param problems what was found damaged
     */
    record Read(
            Map<Long, Queued> states,
            Map<Long, Done> finished,
            Map<Long, Integer> sizes,
            long last,
            List<String> problems) {}

    Journal.Record of(Queued write) {
        return new Journal.Record(Journal.LIVE, write.sequence(), json.writeValueAsBytes(write));
    }

    Journal.Record done(long sequence, Done done) {
        return new Journal.Record(Journal.DONE, sequence, json.writeValueAsBytes(done));
    }

    Read read(Journal journal) {
        Map<Long, Queued> states = new LinkedHashMap<>();
        Map<Long, Done> finished = new HashMap<>();
        Map<Long, Integer> sizes = new HashMap<>();
        List<String> problems = new ArrayList<>(journal.problems());
        long last = 0;
        for (Journal.Record record : journal.recovered()) {
            last = Math.max(last, record.sequence());
            try {
                if (record.type() == Journal.LIVE) {
                    states.put(record.sequence(), json.readValue(record.payload(), Queued.class));
                    sizes.put(record.sequence(), record.payload().length);
                } else {
                    finished.put(record.sequence(), json.readValue(record.payload(), Done.class));
                }
            } catch (JacksonException e) {
                problems.add("a record in " + journal.directory() + " cannot be understood; it was left out");
            }
        }
        return new Read(states, finished, sizes, last, problems);
    }
}
