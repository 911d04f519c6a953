// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;

/** Values of several types. A constructor parameter follows its key as a {@link Live}. */
@Component
class Settings {

    @ConfigValue(key = "app/greeting", defaultValue = "Hello")
    private String greeting = "";

    @ConfigValue(key = "app/color", defaultValue = "#1f6f5c")
    private String color = "";

    @ConfigValue(key = "app/timeout", defaultValue = "5s")
    private Duration timeout = Duration.ZERO;

    @ConfigValue(key = "app/max-upload", defaultValue = "10MB")
    private DataSize maxUpload = DataSize.ofBytes(0);

    @ConfigValue(key = "app/features", defaultValue = "search,export")
    private List<String> features = List.of();

    private final Live<Limits> limits;

    Settings(
            @ConfigValue(key = "app/limits", defaultValue = "{\"requests\": 100, \"per\": \"1m\"}")
                    Live<Limits> limits) {
        this.limits = limits;
    }

    Map<String, String> shown() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("app/greeting", greeting);
        shown.put("app/color", color);
        shown.put("app/timeout", timeout.toString());
        shown.put("app/max-upload", maxUpload.toString());
        shown.put("app/features", String.join(", ", features));
        Limits now = limits.get();
        shown.put("app/limits", now.requests() + " requests in " + now.per());
        return shown;
    }
}
