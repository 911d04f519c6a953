// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.CacheStats;
import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.NamespaceStatus;
import io.configmanager.OutboxFullException;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WatchStatus;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.spring.ConfigBinding;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Entry;
import io.configmanager.store.ConfigStore;
import java.security.Principal;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
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
import org.springframework.boot.convert.DurationStyle;

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
    private static final int DEFAULT_LIMIT = 100;
    private static final int STATUS_ACCEPTED = 202;

    private final ConfigManager manager;
    private final ConfigStore store;
    private final @Nullable ConfigBindings bindings;
    private final ShownEntries entries;

    ConfigEndpoint(ConfigManager manager, ConfigStore store, @Nullable ConfigBindings bindings, ShownEntries entries) {
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

    @ReadOperation
    WebEndpointResponse<?> list(
            @Selector String namespace,
            @Nullable String prefix,
            @Nullable String limit,
            @Nullable String cursor,
            SecurityContext security) {
        return answer(namespace, null, () -> {
            String name = namespace(namespace);
            ConfigFilter filter = ConfigFilter.prefix(prefix == null ? "" : prefix);
            int most = limit == null ? DEFAULT_LIMIT : (int) Math.min(Integer.MAX_VALUE, number("limit", limit));
            String from = cursor == null || cursor.isEmpty() ? null : cursor;
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

    @ReadOperation
    WebEndpointResponse<?> read(
            @Selector String namespace, @Selector(match = Match.ALL_REMAINING) String[] key, SecurityContext security) {
        return answer(namespace, key, () -> {
            String name = namespace(namespace);
            String path = ConfigNames.requireKey(String.join("/", key));
            Optional<ConfigEntry> entry = isActive(name)
                    ? manager.namespace(name).entry(path)
                    : Optional.ofNullable(store.get(name, path).entry());
            return entry.<WebEndpointResponse<?>>map(found -> new WebEndpointResponse<>(entries.shown(found, security)))
                    .orElseGet(() -> unknownKey(name, path));
        });
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
            SecurityContext security) {
        return answer(namespace, key, () -> {
            String name = namespace(namespace);
            String path = ConfigNames.requireKey(String.join("/", key));
            if (value == null) {
                return Problem.badRequest("The member 'value' is missing or null; to remove a key, DELETE it")
                        .response();
            }
            boolean createOnly = flag("create", create);
            if (createOnly && version != null) {
                return Problem.badRequest("'create' and 'version' exclude each other")
                        .response();
            }
            WriteOptions options = WriteOptions.DEFAULT
                    .with(createOnly ? Condition.ABSENT : version(version))
                    .withAuthor(author(author, security))
                    .withComment(comment);
            if (ttl != null) {
                options = options.withTtl(duration(ttl));
            }
            if (flag("secret", secret)) {
                options = options.asSecret();
            }
            Config config = manager.namespace(name);
            WriteResult result = config.set(path, value, options);
            Entry entry = entries.shown(result.entry(), security);
            if (result.queued()) {
                return queued(result, entry);
            }
            show(name, path, result.revision());
            return new WebEndpointResponse<>(entry);
        });
    }

    @DeleteOperation
    WebEndpointResponse<?> delete(
            @Selector String namespace,
            @Selector(match = Match.ALL_REMAINING) String[] key,
            @Nullable String version,
            @Nullable String comment,
            @Nullable String author,
            SecurityContext security) {
        return answer(namespace, key, () -> {
            String name = namespace(namespace);
            String path = ConfigNames.requireKey(String.join("/", key));
            WriteOptions options = WriteOptions.DEFAULT
                    .with(version(version))
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

    private static WebEndpointResponse<?> answer(
            String namespace, String @Nullable [] key, Supplier<WebEndpointResponse<?>> operation) {
        String name = namespace.equals("_") ? "" : namespace;
        String path = key == null ? null : String.join("/", key);
        try {
            return operation.get();
        } catch (InvalidConfigException e) {
            return Problem.badRequest(String.valueOf(e.getMessage()))
                    .with("namespace", name)
                    .with("key", path)
                    .response();
        } catch (VersionConflictException e) {
            Problem conflict = new Problem(409, "version-conflict", "Version conflict", e.getMessage())
                    .with("namespace", e.namespace())
                    .with("key", e.key());
            if (e.condition() instanceof Condition.Version expected) {
                conflict.with("expectedVersion", expected.version());
            } else if (e.condition() instanceof Condition.Absent) {
                conflict.with("expectedVersion", 0);
            }
            return conflict.with("actualVersion", e.actualVersion()).response();
        } catch (StoreException e) {
            return (e.isTransient()
                            ? new Problem(503, "store-unavailable", "The store cannot be reached", e.getMessage())
                            : new Problem(500, "store-unusable", "The store refuses", e.getMessage()))
                    .with("namespace", name)
                    .with("key", path)
                    .response();
        } catch (OutboxFullException e) {
            return new Problem(503, "outbox-full", "The outbox is full", e.getMessage())
                    .with("namespace", name)
                    .with("key", path)
                    .response();
        } catch (ManagerStateException e) {
            return new Problem(503, "not-connected", "Configuration is not connected", e.getMessage()).response();
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

    private static String namespace(String name) {
        return ConfigNames.requireNamespace(name.equals("_") ? "" : name);
    }

    private static Condition version(@Nullable String version) {
        return version == null ? Condition.ALWAYS : Condition.version(number("version", version));
    }

    private static long number(String what, String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            throw new InvalidConfigException("Invalid " + what + ": it must be a whole number");
        }
    }

    private static boolean flag(String what, @Nullable String text) {
        if (text == null || text.equals("false")) {
            return false;
        }
        if (text.equals("true")) {
            return true;
        }
        throw new InvalidConfigException("Invalid " + what + ": it must be true or false");
    }

    private static Duration duration(String text) {
        try {
            return DurationStyle.detectAndParse(text);
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigException("Invalid ttl: it must be a duration such as 10m or PT10M");
        }
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

    /** A write that waits for the store. */
    record Queued(
            WriteResult.Status status,
            UUID operationId,
            @Nullable Entry entry) implements OperationResponseBody {}
}
