// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.CacheStats;
import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.NamespaceStatus;
import io.configmanager.Page;
import io.configmanager.VersionConflictException;
import io.configmanager.WatchStatus;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.spring.ConfigBinding;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigTrial;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Entry;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Line;
import io.configmanager.store.ConfigStore;
import java.security.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.DeleteOperation;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.Selector.Match;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.boot.web.context.reactive.ConfigurableReactiveWebEnvironment;
import org.springframework.core.env.ConfigurableEnvironment;

/**
 * The endpoint {@code config}: what the manager does, and the entries of any namespace. Read-only unless its access is
 * unrestricted. {@code _} is the default namespace.
 *
 * <p>A namespace that this instance does not hold in memory is read from the store, so that looking at it does not make
 * the instance hold it. Secrets are masked always, other values unless {@code show-values} allows them.
 */
@WebEndpoint(id = "config", defaultAccess = Access.READ_ONLY)
final class ConfigEndpoint {

    private static final Duration SHOWN_WITHIN = Duration.ofSeconds(1);
    private static final int STATUS_ACCEPTED = 202;

    private final ConfigManager manager;
    private final ConfigStore store;
    private final @Nullable ConfigBindings bindings;
    private final ShownEntries entries;
    private final Explainer explainer;
    private final boolean reactive;

    ConfigEndpoint(
            ConfigManager manager,
            ConfigStore store,
            @Nullable ConfigBindings bindings,
            ConfigurableEnvironment environment,
            ShownEntries entries) {
        this.explainer = new Explainer(manager, store, bindings, environment, entries);
        this.reactive = environment instanceof ConfigurableReactiveWebEnvironment;
        this.manager = manager;
        this.store = store;
        this.bindings = bindings;
        this.entries = entries;
    }

    @ReadOperation
    Overview overview() {
        ConfigHealth health = manager.health();
        return new Overview(
                health.store(),
                health.status(),
                health.problem(),
                manager.watchStatus(),
                manager.cacheStats(),
                manager.activeNamespaces(),
                bindings == null ? List.of() : bindings.bindings());
    }

    /**
     * A page of entries, or of what has changed.
     *
     * @param changes {@code true} for what has changed
     * @param since of changes: the time of the first one, or how long ago that is; an hour by default
     */
    @ReadOperation
    WebEndpointResponse<?> list(
            @Selector String namespace,
            @Nullable String prefix,
            @Nullable String limit,
            @Nullable String cursor,
            @Nullable String changes,
            @Nullable String since,
            SecurityContext security) {
        return answer(namespace, name -> {
            int most = Parameters.limit(limit);
            String from = Parameters.cursor(cursor);
            if (Parameters.flag("changes", changes)) {
                if (prefix != null) {
                    throw new InvalidConfigException("'prefix' and 'changes' exclude each other");
                }
                Instant first = Parameters.since(
                        since == null ? "1h" : since,
                        () -> store.get(name, "since").storeTime());
                Page<LogEntry> page = store.changes(name, first, most, from);
                return new WebEndpointResponse<>(new Changes(
                        name, first, page.items().stream().map(Change::of).toList(), page.cursor()));
            }
            if (since != null) {
                throw new InvalidConfigException("'since' needs 'changes=true'");
            }
            ConfigFilter filter = ConfigFilter.prefix(prefix == null ? "" : prefix);
            Page<ConfigEntry> page = isActive(name)
                    ? manager.namespace(name).find(filter, most, from)
                    : store.list(name, filter, most, from);
            return new WebEndpointResponse<>(new Entries(
                    name,
                    page.items().stream()
                            .map(entry -> entries.shown(entry, security))
                            .toList(),
                    page.cursor()));
        });
    }

    /**
     * One entry, its history, or where its value comes from.
     *
     * @param history {@code true} for a page of its versions, newest first
     * @param explain {@code true} for where its value comes from and who has it
     */
    @ReadOperation
    WebEndpointResponse<?> read(
            @Selector String namespace,
            @Selector(match = Match.ALL_REMAINING) String[] key,
            @Nullable String history,
            @Nullable String explain,
            @Nullable String limit,
            @Nullable String cursor,
            SecurityContext security) {
        return answer(namespace, key, (name, path) -> {
            boolean explained = Parameters.flag("explain", explain);
            if (Parameters.flag("history", history)) {
                if (explained) {
                    throw new InvalidConfigException("'history' and 'explain' exclude each other");
                }
                return history(name, path, Parameters.limit(limit), Parameters.cursor(cursor), security);
            }
            if (explained) {
                return new WebEndpointResponse<>(explainer.explain(name, path, security));
            }
            Optional<ConfigEntry> entry = isActive(name)
                    ? manager.namespace(name).entry(path)
                    : Optional.ofNullable(store.get(name, path).entry());
            return entry.<WebEndpointResponse<?>>map(found -> new WebEndpointResponse<>(entries.shown(found, security)))
                    .orElseGet(() -> unknownKey(name, path));
        });
    }

    private WebEndpointResponse<?> history(
            String namespace, String key, int limit, @Nullable String cursor, SecurityContext security) {
        Page<LogEntry> page = store.history(namespace, key, limit, cursor);
        if (page.items().isEmpty() && cursor == null) {
            return unknownKey(namespace, key);
        }
        boolean secret = KeyVersions.of(store, namespace, key, 0).secret();
        return new WebEndpointResponse<>(new History(
                namespace,
                key,
                page.items().stream()
                        .map(line -> entries.shown(line, secret, security))
                        .toList(),
                page.cursor()));
    }

    /** On the servlet stack reached through {@link ConfigWriteHandlerMapping}, which lets {@code value} be any JSON. */
    @WriteOperation
    WebEndpointResponse<?> write(
            @Selector String namespace,
            @Selector(match = Match.ALL_REMAINING) String[] key,
            @Nullable Object value,
            @Nullable String version,
            @Nullable String create,
            @Nullable String secret,
            @Nullable String ttl,
            @Nullable String comment,
            @Nullable String author,
            @Nullable String rollback,
            @Nullable String dryRun,
            SecurityContext security) {
        return answer(namespace, key, (name, path) -> {
            boolean onlyTried = Parameters.flag("dryRun", dryRun);
            WriteOptions options = options(version, create, secret, ttl)
                    .withAuthor(author(author, security))
                    .withComment(comment);
            if (rollback == null) {
                if (value == null) {
                    throw new InvalidConfigException(
                            "The member 'value' is missing or null; to remove a key, DELETE it");
                }
                return set(name, path, value, options, onlyTried, security);
            }
            if (value != null) {
                throw new InvalidConfigException("'value' and 'rollback' exclude each other");
            }
            long wanted = Parameters.number("rollback", rollback);
            if (wanted < 1) {
                throw new InvalidConfigException("Invalid rollback to " + wanted + ": versions start at 1");
            }
            KeyVersions versions = KeyVersions.of(store, name, path, wanted);
            ConfigEntry old =
                    versions.wanted() == null ? null : versions.wanted().entry();
            if (old == null) {
                return noValue(name, path, wanted, versions);
            }
            options = versions.secret() ? options.asSecret() : options;
            options = comment == null ? options.withComment("rollback to version " + wanted) : options;
            return set(name, path, old, options, onlyTried, security);
        });
    }

    private static WriteOptions options(
            @Nullable String version, @Nullable String create, @Nullable String secret, @Nullable String ttl) {
        boolean createOnly = Parameters.flag("create", create);
        if (createOnly && version != null) {
            throw new InvalidConfigException("'create' and 'version' exclude each other");
        }
        WriteOptions options = WriteOptions.DEFAULT.with(createOnly ? Condition.ABSENT : Parameters.version(version));
        options = ttl == null ? options : options.withTtl(Parameters.ttl(ttl));
        return Parameters.flag("secret", secret) ? options.asSecret() : options;
    }

    private WebEndpointResponse<?> set(
            String namespace,
            String key,
            Object content,
            WriteOptions options,
            boolean onlyTried,
            SecurityContext security) {
        Config config = manager.namespace(namespace);
        if (onlyTried) {
            return tried(namespace, key, config.draft(key, content, options), security);
        }
        WriteResult result = config.set(key, content, options);
        Entry entry = entries.shown(result.entry(), security);
        if (result.queued()) {
            return queued(result, entry);
        }
        show(namespace, key, result.revision());
        return new WebEndpointResponse<>(entry);
    }

    @DeleteOperation
    WebEndpointResponse<?> delete(
            @Selector String namespace,
            @Selector(match = Match.ALL_REMAINING) String[] key,
            @Nullable String version,
            @Nullable String comment,
            @Nullable String author,
            @Nullable String dryRun,
            SecurityContext security) {
        return answer(namespace, key, (name, path) -> {
            Condition condition = Parameters.version(version);
            if (Parameters.flag("dryRun", dryRun)) {
                ConfigEntry now = store.get(name, path).entry();
                if (condition instanceof Condition.Version expected
                        && (now == null || now.version() != expected.version())) {
                    throw new VersionConflictException(name, path, condition, now == null ? 0 : now.version());
                }
                return now == null ? unknownKey(name, path) : tried(name, path, null, security);
            }
            WriteOptions options = WriteOptions.DEFAULT
                    .with(condition)
                    .withAuthor(author(author, security))
                    .withComment(comment);
            WriteResult result = manager.namespace(name).delete(path, options);
            if (result.queued()) {
                return queued(result, null);
            }
            if (!result.changed()) {
                return unknownKey(name, path);
            }
            show(name, path, 0);
            return new WebEndpointResponse<>(WebEndpointResponse.STATUS_NO_CONTENT);
        });
    }

    /** @param draft what would be stored; null for a deletion */
    private WebEndpointResponse<?> tried(
            String namespace, String key, @Nullable ConfigEntry draft, SecurityContext security) {
        List<Trial> targets = new ArrayList<>();
        if (bindings != null) {
            for (ConfigTrial trial : bindings.tryOut(namespace, key, draft)) {
                ConfigBinding target = trial.target();
                targets.add(new Trial(
                        target.target(),
                        target.type(),
                        target.instances(),
                        trial.rejection() == null,
                        trial.rejection()));
            }
        }
        return new WebEndpointResponse<>(new DryRun(
                true,
                namespace,
                key,
                draft == null ? null : entries.shown(draft, security),
                targets.stream().allMatch(Trial::accepted),
                targets,
                bindings == null ? List.of() : bindings.listeners(namespace, key)));
    }

    private static WebEndpointResponse<?> noValue(String namespace, String key, long version, KeyVersions versions) {
        Problem problem;
        if (versions.newest() == 0) {
            return unknownKey(namespace, key);
        }
        if (versions.wanted() != null) {
            problem = new Problem(
                    409,
                    "no-value",
                    "No value",
                    "Version " + version + " is the removal of the key; to remove it again, DELETE it");
        } else if (version > versions.newest()) {
            problem = new Problem(
                    404,
                    "unknown-version",
                    "Unknown version",
                    "There is no version " + version + " yet; the newest is " + versions.newest());
        } else {
            problem = new Problem(
                    404,
                    "forgotten-version",
                    "Forgotten version",
                    "Version " + version + " is older than the history that the store keeps");
        }
        return problem.with("namespace", namespace)
                .with("key", key)
                .with("rollback", version)
                .with("newestVersion", versions.newest())
                .response();
    }

    private static WebEndpointResponse<?> queued(WriteResult result, @Nullable Entry entry) {
        return new WebEndpointResponse<>(new Queued(result.status(), result.operationId(), entry), STATUS_ACCEPTED);
    }

    /** Lets this instance show a write before it is answered: injected values and, if the watch is well, everything. */
    private void show(String namespace, String key, long revision) {
        if (bindings != null) {
            bindings.refresh(namespace, key);
        }
        if (revision > 0) {
            manager.awaitRevision(revision, SHOWN_WITHIN);
        }
    }

    private boolean isActive(String namespace) {
        return manager.activeNamespaces().stream()
                .anyMatch(active -> active.name().equals(namespace));
    }

    /** The key of a request. On WebFlux Spring Boot takes all that has variables for it, the namespace too. */
    private String rest(String namespace, String[] path) {
        int skipped = reactive && path.length > 1 && path[0].equals(namespace) ? 1 : 0;
        return String.join("/", Arrays.asList(path).subList(skipped, path.length));
    }

    private static WebEndpointResponse<?> answer(String namespace, Function<String, WebEndpointResponse<?>> operation) {
        String name = namespace.equals("_") ? "" : namespace;
        try {
            return operation.apply(ConfigNames.requireNamespace(name));
        } catch (ConfigException e) {
            return Problem.of(e).with("namespace", name).response();
        }
    }

    private WebEndpointResponse<?> answer(
            String namespace, String[] key, BiFunction<String, String, WebEndpointResponse<?>> operation) {
        String name = namespace.equals("_") ? "" : namespace;
        String path = rest(namespace, key);
        try {
            return operation.apply(ConfigNames.requireNamespace(name), ConfigNames.requireKey(path));
        } catch (ConfigException e) {
            return Problem.of(e).with("namespace", name).with("key", path).response();
        }
    }

    private static WebEndpointResponse<?> unknownKey(String namespace, String key) {
        return new Problem(
                        404,
                        "unknown-key",
                        "Unknown key",
                        "No value for key '" + key + "' in namespace '" + namespace + "'")
                .with("namespace", namespace)
                .with("key", key)
                .response();
    }

    /** A known user cannot write in another name. */
    private static @Nullable String author(@Nullable String author, SecurityContext security) {
        Principal principal = security.getPrincipal();
        return principal == null ? author : principal.getName();
    }

    /** What the manager does. */
    record Overview(
            String store,
            ConfigHealth.Status status,
            @Nullable String problem,
            WatchStatus watch,
            CacheStats cache,
            List<NamespaceStatus> namespaces,
            List<ConfigBinding> bindings)
            implements OperationResponseBody {}

    /** A page of a namespace. */
    record Entries(String namespace, List<Entry> entries, String cursor) implements OperationResponseBody {}

    /** What happened to a key, newest first. */
    record History(String namespace, String key, List<Line> versions, String cursor) implements OperationResponseBody {}

    /** What happened in a namespace since a time, newest first. */
    record Changes(String namespace, Instant since, List<Change> changes, String cursor)
            implements OperationResponseBody {}

    /** One change, without the value. */
    record Change(
            String key,
            LogEntry.Kind kind,
            long version,
            long revision,
            Instant at,
            @Nullable String author,
            @Nullable String comment) {

        private static Change of(LogEntry line) {
            return new Change(
                    line.key(), line.kind(), line.version(), line.revision(), line.at(), line.author(), line.comment());
        }
    }

    /**
     * What a write would do. It would be stored even if not accepted: the targets that reject it would keep what they have.
     *
     * @param dryRun true: nothing was stored
     * @param entry what would be stored; null for a deletion
     * @param accepted whether every target would take it
     * @param targets who would get it in this instance
     * @param listeners the {@code @ConfigListener} methods that would be called
     */
    record DryRun(
            boolean dryRun,
            String namespace,
            String key,
            @Nullable Entry entry,
            boolean accepted,
            List<Trial> targets,
            List<String> listeners)
            implements OperationResponseBody {}

    /** What a target would do. */
    record Trial(
            String target,
            String type,
            int instances,
            boolean accepted,
            @Nullable String rejection) {}

    /** A write that waits for the store. */
    record Queued(
            WriteResult.Status status,
            UUID operationId,
            @Nullable Entry entry) implements OperationResponseBody {}
}
