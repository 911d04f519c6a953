// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.MongoException;
import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WhenAway;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.samples.robustness.Plan.CallKind;
import io.configmanager.samples.robustness.Plan.Step;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import org.springframework.dao.DataAccessException;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionException;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Calls a manager as its plan says, and records what it was told and what it reads right afterwards. Nothing of it is
 * queued: that is the affair of {@link QueueWriter}.
 */
final class CallWriter extends PlannedWriter<CallKind> {

    private static final WriteOptions OPTIONS = WriteOptions.DEFAULT.whenAway(WhenAway.FAIL);

    private final ConfigManager manager;
    private final TransactionTemplate transactions;
    private final Recorder recorder;

    /** What a call was answered. */
    private record Answer(String outcome, long revision, List<ConfigEntry> entries, long expected) {

        static Answer of(String outcome) {
            return new Answer(outcome, 0, List.of(), -1);
        }

        static Answer stored(WriteResult result, long expected) {
            return new Answer("ok", result.revision(), result.entries(), expected);
        }
    }

    CallWriter(
            ConfigManager manager,
            PlatformTransactionManager transactions,
            Recorder recorder,
            List<Step<CallKind>> steps,
            long loadStart) {
        super(steps, loadStart);
        this.manager = manager;
        this.transactions = new TransactionTemplate(transactions);
        this.recorder = recorder;
    }

    @Override
    void perform(Step<CallKind> step) {
        Config config = manager.namespace(step.namespace());
        long start = System.nanoTime();
        if (step.kind() == CallKind.SYNC) {
            sync(start);
            return;
        }
        Answer answer;
        try {
            answer = call(config, step);
        } catch (VersionConflictException e) {
            answer = Answer.of("conflict");
        } catch (InvalidConfigException e) {
            answer = Answer.of("refused");
        } catch (ManagerStateException e) {
            return;
        } catch (StoreException | DataAccessException | TransactionException | MongoException e) {
            recorder.write("X", System.nanoTime(), "not-answered", Texts.line(e.getMessage()));
            answer = Answer.of("unknown");
        }
        long end = System.nanoTime();
        StringJoiner entries = new StringJoiner(";");
        StringJoiner own = new StringJoiner(";");
        try {
            for (ConfigEntry entry : answer.entries()) {
                entries.add(entry.key() + ':' + entry.version());
                own.add(read(config, entry.key()));
            }
            if (step.kind() == CallKind.DELETE && answer.outcome().equals("ok")) {
                own.add(read(config, Keys.data(step.key())));
            }
        } catch (ConfigException e) {
            own.add("-");
        }
        recorder.write(
                "O",
                start,
                end,
                System.nanoTime(),
                step.tag(),
                step.kind(),
                step.namespace(),
                answer.outcome(),
                answer.revision(),
                entries,
                answer.expected(),
                own);
    }

    private Answer call(Config config, Step<CallKind> step) {
        String value = step.tag();
        WriteOptions options = OPTIONS.withComment(step.tag());
        String key = Keys.data(step.key());
        return switch (step.kind()) {
            case SET -> Answer.stored(config.set(key, value, options), -1);
            case CREATE -> {
                WriteOptions absent = options.with(Condition.ABSENT);
                yield Answer.stored(config.set(key, value, absent), 0);
            }
            case INCREMENT -> increment(config, Keys.counter(step.key()), step.tag());
            case PAIR ->
                Answer.stored(
                        config.commit(
                                batch -> batch.set(Keys.left(step.key()), value, OPTIONS)
                                        .set(Keys.right(step.key()), value, OPTIONS),
                                null,
                                step.tag()),
                        -1);
            case DELETE -> Answer.of(config.delete(key, options).changed() ? "ok" : "nothing");
            case DELETE_PAIR -> {
                config.commit(
                        batch -> batch.delete(Keys.left(step.key()))
                                .delete(Keys.right(step.key()))
                                .set(Keys.GONE, value, OPTIONS),
                        null,
                        step.tag());
                yield Answer.of("done");
            }
            case EXPIRE -> {
                Duration ttl = Duration.ofMillis(200 + step.number() % 4_000);
                yield Answer.stored(config.set(Keys.expiring(step.key()), value, options.withTtl(ttl)), -1);
            }
            case MANY ->
                Answer.stored(
                        config.commit(
                                batch -> {
                                    for (int i = 0; i < Keys.DATA; i += 1 + step.number() % 2) {
                                        batch.set(Keys.data(i), value, OPTIONS);
                                    }
                                },
                                null,
                                step.tag()),
                        -1);
            case LARGE -> Answer.stored(config.set(Keys.LARGE, value + "x".repeat(9_000), options), -1);
            case JOINED, ROLLED_BACK -> joined(config, step, options);
            case LATEST, SYNC -> {
                config.latest(key);
                yield Answer.of("read");
            }
        };
    }

    private static Answer increment(Config config, String key, String tag) {
        Optional<ConfigEntry> known = config.entry(key);
        if (known.isEmpty()) {
            WriteOptions absent = OPTIONS.with(Condition.ABSENT).withComment(tag);
            return Answer.stored(config.set(key, 1, absent), 0);
        }
        long version = known.get().version();
        long next = 1 + Long.parseLong(known.get().value().strip());
        return Answer.stored(
                config.set(key, next, OPTIONS.with(Condition.version(version)).withComment(tag)), version);
    }

    private Answer joined(Config config, Step<CallKind> step, WriteOptions options) {
        boolean rollBack = step.kind() == CallKind.ROLLED_BACK;
        transactions.executeWithoutResult(status -> {
            config.set(Keys.data(step.key()), step.tag(), options);
            config.set(Keys.left(step.key()), step.tag(), options);
            config.set(Keys.right(step.key()), step.tag(), options);
            if (rollBack) {
                status.setRollbackOnly();
            }
        });
        return Answer.of(rollBack ? "rolled-back" : "ok");
    }

    private void sync(long start) {
        try {
            boolean done = manager.sync(Duration.ofSeconds(1));
            long revision = manager.namespace(Keys.NAMESPACES.get(0)).view().revision();
            recorder.write("Y", start, System.nanoTime(), done, revision);
        } catch (ConfigException e) {
            // Away: there is nothing to promise.
        }
    }

    private static String read(Config config, String key) {
        return config.entry(key)
                .map(entry -> key + ':' + entry.version() + ':' + entry.revision())
                .orElse(key + ":0:0");
    }
}
