// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WhenAway;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.samples.robustness.Plan.QueueKind;
import io.configmanager.samples.robustness.Plan.Step;
import java.util.List;
import java.util.StringJoiner;

/** Writes that go to the outbox while the store is away, of keys that only such writers write; records where each went. */
final class QueueWriter extends PlannedWriter<QueueKind> {

    private final ConfigManager manager;
    private final Recorder recorder;

    QueueWriter(ConfigManager manager, Recorder recorder, List<Step<QueueKind>> steps, long loadStart) {
        super(steps, loadStart);
        this.manager = manager;
        this.recorder = recorder;
    }

    @Override
    void perform(Step<QueueKind> step) {
        Config config = manager.namespace(step.namespace());
        String key = Keys.queued(step.key());
        String other = Keys.queued(step.key() + 1);
        boolean overwrites = step.kind() == QueueKind.OVERWRITE;
        boolean conditional = step.kind() == QueueKind.SET_IF || step.kind() == QueueKind.DELETE_IF;
        long known;
        try {
            known = config.entry(key).map(ConfigEntry::version).orElse(0L);
        } catch (ConfigException e) {
            // The namespace is not in memory, and cannot be loaded now: there is nothing to base a write on.
            return;
        }
        WriteOptions plain = known == 0 ? WriteOptions.createOnly() : WriteOptions.expectVersion(known);
        WriteOptions options = (conditional ? plain : WriteOptions.DEFAULT)
                .withComment(step.tag())
                .whenAway(overwrites ? WhenAway.OVERWRITE : WhenAway.QUEUE);
        if (step.kind() == QueueKind.DELETE_IF && known == 0) {
            return;
        }
        long start = System.nanoTime();
        String outcome;
        Object id = Texts.NONE;
        long revision = 0;
        StringJoiner versions = new StringJoiner(";");
        try {
            WriteResult result = switch (step.kind()) {
                case SET, SET_IF, OVERWRITE -> config.set(key, step.tag(), options);
                case DELETE, DELETE_IF -> config.delete(key, options);
                case COMMIT ->
                    config.commit(batch -> batch.set(key, step.tag()).set(other, step.tag()), null, step.tag());
            };
            outcome = result.changed() ? result.status().name() : "nothing";
            id = result.operationId();
            revision = result.revision();
            result.entries().forEach(entry -> versions.add(entry.key() + ':' + entry.version()));
        } catch (VersionConflictException e) {
            outcome = "conflict";
        } catch (ManagerStateException e) {
            return;
        } catch (StoreException e) {
            recorder.write("X", System.nanoTime(), "not-answered", Texts.line(e.getMessage()));
            outcome = "unknown";
        }
        recorder.write(
                "J",
                start,
                System.nanoTime(),
                step.tag(),
                step.kind(),
                step.namespace(),
                step.kind() == QueueKind.COMMIT ? key + ';' + other : key,
                outcome,
                id,
                revision,
                conditional ? known : -1,
                versions);
    }
}
