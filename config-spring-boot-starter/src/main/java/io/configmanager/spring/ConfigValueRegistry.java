// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigView;
import io.configmanager.ManagerStateException;
import io.configmanager.NamespaceStatus;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.codec.Codec;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.spring.Binding.Fallback;
import io.configmanager.spring.Binding.Reading;
import io.configmanager.value.Value;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.ApplicationListener;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.core.Nullness;
import org.springframework.util.ReflectionUtils;
import org.springframework.util.function.SingletonSupplier;

/**
 * Everything that follows a key. A target is put into the index first and then brought to the newest value; every change
 * set brings the targets of its keys to the newest value. Whichever comes last reads what is newest, so nothing is missed
 * and nothing goes backwards.
 */
final class ConfigValueRegistry
        implements ConfigBindings,
                ConfigManagerBuilder.Applier,
                SmartInitializingSingleton,
                DisposableBean,
                ApplicationListener<ContextRefreshedEvent> {

    private static final Logger log = LoggerFactory.getLogger(ConfigValueRegistry.class);

    static final long UNREAD = -1;

    private final Supplier<@Nullable ConfigManager> manager;
    private final Map<String, Codec> codecs;
    private final ConvertingJsonCodec defaults;
    private final Supplier<GroupBinder> binder;
    private final ConfigEvents events;
    private final MissingKeys missing;

    private final Map<Name, Set<Binding>> index = new ConcurrentHashMap<>();
    private final Map<Demand, Fallback> declared = new ConcurrentHashMap<>();
    private final Map<Field, VarHandle> handles = new ConcurrentHashMap<>();
    private final Map<Demand, ConfigBinding> once = new ConcurrentHashMap<>();
    private final Map<Object, Long> reported = new ConcurrentHashMap<>();
    private final Map<Class<?>, Group> groups = new ConcurrentHashMap<>();
    private final Set<String> warned = ConcurrentHashMap.newKeySet();
    private final Queue<Listening> listeners = new ConcurrentLinkedQueue<>();
    private final Queue<Subscription> subscriptions = new ConcurrentLinkedQueue<>();
    private final Set<ConfigValueRegistry> ofChildren = ConcurrentHashMap.newKeySet();
    private final @Nullable ConfigValueRegistry ofParent;
    private final LongAdder living = new LongAdder();
    private final ReferenceQueue<Object> gone = new ReferenceQueue<>();
    private final LongAdder errors = new LongAdder();
    private volatile @Nullable ConfigManager connected;

    private record Name(String namespace, String key) {}

    private record Listening(String namespace, String method, Predicate<String> keys) {}

    /**
     * @param manager asked when the first value is needed; null if there is none, which means defaults only
     * @param codecs to read with, by name
     * @param defaults to read declared defaults with
     * @param binder asked when the first group is needed
     * @param events told of changes and rejections
     * @param scan checks what else the start is going to need
     * @param ofParent the one of the parent context, if the manager is that one's: who builds a manager knows no child
     */
    ConfigValueRegistry(
            Supplier<@Nullable ConfigManager> manager,
            Map<String, Codec> codecs,
            ConvertingJsonCodec defaults,
            Supplier<GroupBinder> binder,
            ApplicationEventPublisher events,
            Consumer<ConfigValueRegistry> scan,
            @Nullable ConfigValueRegistry ofParent) {
        this.manager = manager;
        this.codecs = Map.copyOf(codecs);
        this.defaults = defaults;
        this.binder = SingletonSupplier.of(binder);
        this.events = new ConfigEvents(events);
        this.missing = new MissingKeys(() -> scan.accept(this));
        this.ofParent = ofParent;
        if (ofParent != null) {
            ofParent.ofChildren.add(this);
        }
    }

    /** A manager that goes on after this context must call none of its beans. */
    @Override
    public void destroy() {
        if (ofParent != null) {
            ofParent.ofChildren.remove(this);
        }
        subscriptions.forEach(Subscription::close);
    }

    /** For as long as this context lives. */
    void subscribe(
            ConfigManager source, String namespace, ConfigFilter filter, io.configmanager.ConfigListener listener) {
        subscriptions.add(source.namespace(namespace).listen(filter, listener));
    }

    /**
     * The group, with its first instance, unless the start is going to fail because there is none.
     *
     * @param neededNow whether the start must fail now, because an instance is wanted
     */
    Group group(Group wanted, boolean neededNow) {
        // Before the group's lock is taken: making these may wait for a thread that waits for the lock.
        ConfigManager source = manager();
        GroupBinder known = binder.get();
        Group group = groups.computeIfAbsent(wanted.type(), type -> wanted);
        if (!group.begin(known, () -> view(source, group))) {
            missing.add(group.rejections().stream().map(group::describe).toList(), neededNow);
        }
        return group;
    }

    /** The instance of this moment of a group that cannot be followed without {@link Live}. */
    Object once(Group group, String target) {
        Object now = group.proxy();
        if (!group.proxyable() && warned.add(target)) {
            log.warn(
                    "{} gets its {} once and will not follow it; inject Live<{}> to follow",
                    target,
                    group.type().getName(),
                    group.type().getSimpleName());
        }
        return now;
    }

    private static @Nullable ConfigView view(@Nullable ConfigManager source, Group group) {
        return source == null ? null : source.namespace(group.namespace()).view();
    }

    /** Makes a field follow its key; a final one gets its value once. */
    void bind(Object bean, Field field, Demand demand) {
        if (demand.follows()) {
            write(bean, field, follow(demand));
            return;
        }
        ReflectionUtils.makeAccessible(field);
        Object initial = ReflectionUtils.getField(field, bean);
        Object unset = field.getType().isPrimitive() ? demand.nothing() : null;
        Fallback initialized = initial == null || initial.equals(unset) ? null : new Fallback(initial);
        Fallback fallback = fallback(demand, initialized);
        if (Modifier.isFinal(field.getModifiers())) {
            Reading reading = once(demand, fallback, false);
            if (reading.value() != null) {
                write(bean, field, reading.value());
            }
            return;
        }
        VarHandle handle = handles.computeIfAbsent(field, ConfigValueRegistry::handle);
        follow(new Binding(demand, bean, fallback, gone) {
            @Override
            void write(Object target, @Nullable Object value) {
                handle.setVolatile(target, value);
            }
        });
    }

    /** Makes a method with one parameter follow its key: it is called with every new value. */
    void bind(Object bean, Method method, Demand demand) {
        ReflectionUtils.makeAccessible(method);
        if (demand.follows()) {
            ReflectionUtils.invokeMethod(method, bean, follow(demand));
            return;
        }
        boolean takesNothing =
                demand.optional() || Nullness.forParameter(method.getParameters()[0]) == Nullness.NULLABLE;
        Fallback fallback = demand.defaultText() == null && !takesNothing ? null : fallback(demand, null);
        follow(new Binding(demand, bean, fallback, gone) {
            @Override
            void write(Object target, @Nullable Object value) throws ReflectiveOperationException {
                method.invoke(target, value);
            }
        });
    }

    /**
     * The value for a parameter: a {@link Live} that follows, or the value of this moment.
     *
     * @param askedAgain whether the parameter can ask for the value of a later moment
     */
    @Nullable
    Object supply(Demand demand, boolean askedAgain) {
        return demand.follows()
                ? follow(demand)
                : once(demand, fallback(demand, null), askedAgain).value();
    }

    private Object follow(Demand demand) {
        if (demand.form() == Demand.Form.WATCHER) {
            Value<Object> value = new Value<>();
            follow(new Binding(demand, value, fallback(demand, null), gone) {
                @Override
                @SuppressWarnings("unchecked")
                void write(Object target, @Nullable Object newValue) {
                    if (newValue != null) {
                        ((Value<Object>) target).set(newValue);
                    }
                }
            });
            return value.watch();
        }
        return live(demand);
    }

    /** Follows a key for as long as the result is held. */
    LiveValue live(Demand demand) {
        LiveValue live = new LiveValue();
        follow(new Binding(demand, live, fallback(demand, null), gone) {
            @Override
            void write(Object target, @Nullable Object value) {
                ((LiveValue) target).set(value);
            }
        });
        return live;
    }

    private void follow(Binding binding) {
        forgetTheGone();
        // Before the binding can be seen: connecting waits for the thread that would wait for the binding's lock.
        manager();
        Name name = new Name(binding.demand.namespace(), binding.demand.key());
        index.compute(name, (key, bindings) -> {
            Set<Binding> all = bindings == null ? ConcurrentHashMap.newKeySet() : bindings;
            all.add(binding);
            living.increment();
            return all;
        });
        if (!binding.begin(this)) {
            missing.add(List.of(line(binding.demand, binding.problem())), false);
        }
    }

    private Reading once(Demand demand, @Nullable Fallback fallback, boolean askedAgain) {
        Reading reading = read(demand);
        String problem = reading.problem();
        ConfigBinding known = once.put(
                demand,
                demand.described(
                        false,
                        0,
                        problem == null ? reading.revision() : 0,
                        problem,
                        problem == null ? null : new ConfigBinding.Rejected(reading.revision(), problem)));
        if (known == null && !askedAgain) {
            log.warn("{} gets its value once and will not follow it; inject Live<T> to follow", demand);
        }
        if (reading.value() != null) {
            return reading;
        }
        if (fallback != null) {
            return new Reading(fallback.value(), null, 0);
        }
        if (demand.required()) {
            missing.add(List.of(line(demand, problem)), true);
        }
        return Reading.ABSENT;
    }

    private @Nullable Fallback fallback(Demand demand, @Nullable Fallback initialized) {
        String text = demand.defaultText();
        if (text != null) {
            return declared.computeIfAbsent(demand, wanted -> {
                try {
                    return new Fallback(wanted.wrap(defaults.parse(text, wanted.type())));
                } catch (RuntimeException e) {
                    throw new IllegalStateException(
                            "The default of " + wanted + " cannot be used: " + e.getMessage(), e);
                }
            });
        }
        return initialized != null || demand.required() ? initialized : new Fallback(demand.nothing());
    }

    /** What this instance has for the demand now; problems are reported once for every revision. */
    Reading read(Demand demand) {
        ConfigManager source = manager();
        if (source == null) {
            return Reading.ABSENT;
        }
        Optional<ConfigEntry> entry = source.namespace(demand.namespace()).stored(demand.key());
        if (entry.isEmpty()) {
            return Reading.ABSENT;
        }
        Reading reading = decode(demand, entry.get());
        if (reading.problem() != null) {
            report(demand, reading.problem(), reading.revision());
        }
        return reading;
    }

    /** An entry as the demand wants it, or why it is unusable. */
    Reading decode(Demand demand, ConfigEntry found) {
        try {
            Codec codec = codecs.get(found.codec());
            if (codec == null) {
                throw new IllegalArgumentException("unknown codec '" + found.codec() + "'");
            }
            return new Reading(demand.wrap(codec.decode(found.value(), demand.type())), null, found.revision());
        } catch (RuntimeException e) {
            return new Reading(null, String.valueOf(e.getMessage()), found.revision());
        } catch (StackOverflowError | LinkageError | AssertionError e) {
            // Of the class that the value is made of; the other targets of the change set must not suffer.
            return new Reading(null, e.getClass().getName(), found.revision());
        }
    }

    /** Counts and logs a problem, once for an injection point and revision. */
    void report(Demand demand, String problem, long revision) {
        if (isNews(demand, revision)) {
            errors.increment();
            events.rejected(new ConfigRejectedEvent(
                    demand.namespace(), demand.key(), demand.target(), demand.typeName(), problem, revision));
            log.warn("The value of {} at revision {} cannot be used: {}", demand, revision, problem);
        }
    }

    private boolean isNews(Object target, long revision) {
        Long before = reported.put(target, revision);
        return before == null || before != revision;
    }

    private void report(Group group, long revision) {
        if (isNews(group, revision)) {
            for (Rejection rejection : group.rejections()) {
                errors.increment();
                events.rejected(new ConfigRejectedEvent(
                        group.namespace(),
                        rejection.key(),
                        group.type().getName(),
                        rejection.expected(),
                        rejection.reason(),
                        revision));
                log.warn("At revision {} the last good {} stays: {}", revision, group, group.describe(rejection));
            }
        }
    }

    @Nullable
    ConfigManager manager() {
        ConfigManager known = connected;
        if (known == null) {
            known = manager.get();
            connected = known;
        }
        return known;
    }

    @Override
    public void accept(ConfigChangeSet changes) {
        forgetTheGone();
        ConfigManager source = missing.starting() ? null : manager();
        Subscription subscription = source == null ? null : events.follow(source, changes.namespace());
        if (subscription != null) {
            subscriptions.add(subscription);
        }
        for (Group group : groups.values()) {
            if (group.dependsOn(changes)) {
                refresh(group);
            }
        }
        for (ConfigChange change : changes.changes()) {
            refresh(changes.namespace(), change.key());
        }
        ofChildren.forEach(child -> child.accept(changes));
    }

    private void refresh(Group group) {
        ConfigManager source = manager();
        try {
            ConfigView rejected = group.refresh(binder.get(), () -> view(source, group));
            if (rejected != null) {
                report(group, rejected.revision());
            }
        } catch (ManagerStateException e) {
            if (source != null && source.health().status() != ConfigHealth.Status.CLOSED) {
                // Too large for a view by now: the last instance stays.
                group.reject(String.valueOf(e.getMessage()));
                report(group, UNREAD);
            }
        }
    }

    @Override
    public void onApplicationEvent(ContextRefreshedEvent event) {
        events.publishRejections();
    }

    @Override
    public void refresh(String namespace, String key) {
        try {
            refresh(new Name(namespace, key), false);
        } catch (ManagerStateException e) {
            // Closed meanwhile: every target keeps what it has.
        }
    }

    /** Any key of a namespace on demand may have changed; throws if the store cannot be read. */
    @Override
    public void reloaded(String namespace) {
        try {
            for (Name name : index.keySet()) {
                if (name.namespace().equals(namespace)) {
                    refresh(name, true);
                }
            }
        } catch (ManagerStateException e) {
            // Closed meanwhile: every target keeps what it has.
        }
        ofChildren.forEach(child -> child.reloaded(namespace));
    }

    private void refresh(Name name, boolean failing) {
        for (Binding binding : index.getOrDefault(name, Set.of())) {
            try {
                binding.refresh(this);
            } catch (ManagerStateException e) {
                throw e;
            } catch (RuntimeException e) {
                // A namespace that is loaded on demand may have to ask the store.
                report(binding.demand, "it could not be read: " + e.getMessage(), UNREAD);
                if (failing && e instanceof StoreException) {
                    throw e;
                }
            }
        }
    }

    /** Ends the start: from now on a missing key is an error of the bean that asks for it. */
    @Override
    public void afterSingletonsInstantiated() {
        missing.startIsOver();
    }

    /** Says that a parameter is missing, if it is. */
    void check(Demand demand) {
        if (demand.required() && demand.defaultText() == null) {
            Reading reading = read(demand);
            if (reading.value() == null) {
                missing.add(List.of(line(demand, reading.problem())), false);
            }
        }
    }

    private String line(Demand demand, @Nullable String problem) {
        return demand + ": " + (problem != null ? problem : rejection(demand).orElseGet(() -> absent(demand.key())));
    }

    /** Whoever thinks of properties writes dots, which are legal in keys but separate nothing. */
    private static String absent(String key) {
        return "there is no such key"
                + (key.contains(".") && !key.contains("/")
                        ? "; the property " + key + " is the key '" + key.replace('.', '/') + "'"
                        : "");
    }

    private Optional<String> rejection(Demand demand) {
        ConfigManager source = manager();
        if (source == null) {
            return Optional.empty();
        }
        for (NamespaceStatus namespace : source.activeNamespaces()) {
            if (namespace.name().equals(demand.namespace())) {
                return Optional.ofNullable(namespace.rejected().get(demand.key()));
            }
        }
        return Optional.of("the store has not been reached yet");
    }

    @Override
    public int rejected() {
        return (int) bindings().stream()
                .filter(binding -> binding.lastError() != null)
                .count();
    }

    @Override
    public long errors() {
        return errors.sum();
    }

    @Override
    public long targets() {
        forgetTheGone();
        return living.sum() + groups.size();
    }

    @Override
    public List<ConfigBinding> bindings() {
        forgetTheGone();
        Map<Object, ConfigBinding> all = new LinkedHashMap<>(once);
        for (Group group : groups.values()) {
            all.put(group, group.described());
        }
        for (Set<Binding> bindings : index.values()) {
            for (Binding binding : bindings) {
                if (binding.get() != null) {
                    all.merge(binding.demand, binding.described(), ConfigBinding::and);
                }
            }
        }
        return all.values().stream()
                .sorted(Comparator.comparing(ConfigBinding::namespace)
                        .thenComparing(ConfigBinding::key)
                        .thenComparing(ConfigBinding::target))
                .toList();
    }

    @Override
    public List<ConfigBinding> bindings(String namespace, String key) {
        return bindings().stream()
                .filter(binding -> binding.reaches(namespace, key))
                .toList();
    }

    @Override
    public List<ConfigTrial> tryOut(String namespace, String key, @Nullable ConfigEntry candidate) {
        Map<Object, ConfigTrial> trials = new LinkedHashMap<>();
        for (Group group : groups.values()) {
            if (group.dependsOn(namespace, key)) {
                trials.put(group, new ConfigTrial(group.described(), refusal(group, key, candidate)));
            }
        }
        for (Binding binding : index.getOrDefault(new Name(namespace, key), Set.of())) {
            if (binding.get() != null) {
                trials.merge(
                        binding.demand,
                        new ConfigTrial(binding.described(), binding.refusal(this, candidate)),
                        (one, other) -> new ConfigTrial(
                                one.target().and(other.target()),
                                one.rejection() == null ? other.rejection() : one.rejection()));
            }
        }
        return trials.values().stream()
                .sorted(Comparator.comparing(trial -> trial.target().target()))
                .toList();
    }

    private @Nullable String refusal(Group group, String key, @Nullable ConfigEntry candidate) {
        List<ConfigEntry> entries = new ArrayList<>();
        try {
            ConfigView view = view(manager(), group);
            if (view != null) {
                view.entries().stream()
                        .filter(entry -> !entry.key().equals(key))
                        .forEach(entries::add);
            }
        } catch (ManagerStateException e) {
            return String.valueOf(e.getMessage());
        }
        if (candidate != null) {
            entries.add(candidate);
        }
        List<Rejection> rejected = binder.get().bind(group, entries).rejections();
        return rejected.isEmpty() ? null : Group.reasons(rejected);
    }

    void listens(String namespace, String method, Predicate<String> keys) {
        listeners.add(new Listening(namespace, method, keys));
    }

    @Override
    public List<String> listeners(String namespace, String key) {
        return listeners.stream()
                .filter(listener -> listener.namespace().equals(namespace)
                        && listener.keys().test(key))
                .map(Listening::method)
                .sorted()
                .toList();
    }

    private void forgetTheGone() {
        for (Reference<?> next = gone.poll(); next != null; next = gone.poll()) {
            if (next instanceof Binding binding) {
                index.computeIfPresent(new Name(binding.demand.namespace(), binding.demand.key()), (name, bindings) -> {
                    if (bindings.remove(binding)) {
                        living.decrement();
                    }
                    return bindings.isEmpty() ? null : bindings;
                });
            }
        }
    }

    private static void write(Object bean, Field field, @Nullable Object value) {
        ReflectionUtils.makeAccessible(field);
        ReflectionUtils.setField(field, bean, value);
    }

    private static VarHandle handle(Field field) {
        try {
            return MethodHandles.privateLookupIn(field.getDeclaringClass(), MethodHandles.lookup())
                    .unreflectVarHandle(field);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(
                    "Field " + field + " cannot be set: open its package to this library's module", e);
        }
    }
}
