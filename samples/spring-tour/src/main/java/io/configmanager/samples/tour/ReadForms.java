// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import io.configmanager.Config;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigFilter;
import io.configmanager.KeyState;
import io.configmanager.Watcher;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReference;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What {@link Config} answers and tells, without injection of values. */
@Configuration(proxyBeanMethods = false)
class ReadForms {

    @Bean
    Form aRead(Config config) {
        return Form.of("tour/get", () -> config.get("tour/get", String.class, Form.DEFAULT));
    }

    @Bean
    Form aView(Config config) {
        return Form.of(
                "tour/view", () -> config.view().get("tour/view", String.class).orElse(Form.DEFAULT));
    }

    @Bean
    Form aListener(Config config) {
        AtomicReference<String> last = new AtomicReference<>(config.get("tour/listener", String.class, Form.DEFAULT));
        config.listen(
                ConfigFilter.keys("tour/listener"),
                changes -> last.set(config.get("tour/listener", String.class, Form.DEFAULT)));
        return Form.of("tour/listener", last::get);
    }

    @Bean
    Form aWatcher(Config config) {
        Watcher<KeyState<String>> watcher = config.watch("tour/watcher", String.class);
        AtomicReference<String> last = new AtomicReference<>(Form.DEFAULT);
        return Form.of("tour/watcher", () -> {
            synchronized (watcher) {
                watcher.poll().ifPresent(state -> last.set(textOf(state)));
                return last.get();
            }
        });
    }

    @Bean
    Form aNotification(Config config) {
        AtomicReference<String> last = new AtomicReference<>(Form.DEFAULT);
        config.notify(ConfigFilter.keys("tour/notify"), String.class, "tour", (ConfigEvent<String> event) -> {
            if (event.kind() == ConfigEvent.Kind.CHANGED) {
                last.set(textOf(Objects.requireNonNull(event.result())));
            }
        });
        return Form.of("tour/notify", last::get);
    }

    @Bean
    Form aPublisher(Config config) {
        AtomicReference<String> last = new AtomicReference<>(Form.DEFAULT);
        config.publisher(ConfigFilter.keys("tour/publisher"), String.class).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscription.request(Long.MAX_VALUE);
            }

            @Override
            public void onNext(KeyState<String> state) {
                last.set(textOf(state));
            }

            @Override
            public void onError(Throwable failure) {
                last.set(failure.toString());
            }

            @Override
            public void onComplete() {}
        });
        return Form.of("tour/publisher", last::get);
    }

    private static String textOf(KeyState<String> state) {
        return state.toOptional().orElse(Form.DEFAULT);
    }
}
