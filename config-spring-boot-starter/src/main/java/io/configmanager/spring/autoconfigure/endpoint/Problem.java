// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.Condition;
import io.configmanager.ConfigException;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.OutboxFullException;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.util.MimeType;

/** An answer that says what is wrong, in the form of RFC 9457. */
final class Problem {

    static final MimeType TYPE = MimeType.valueOf("application/problem+json");

    private final int status;
    private final Map<String, @Nullable Object> members = new LinkedHashMap<>();

    Problem(int status, String type, String title, @Nullable String detail) {
        this.status = status;
        members.put("type", "urn:config:problem:" + type);
        members.put("title", title);
        members.put("status", status);
        members.put("detail", detail);
    }

    static Problem badRequest(String detail) {
        return new Problem(400, "invalid-request", "Invalid request", detail);
    }

    /** What has refused a request; anything else is thrown again. */
    static Problem of(ConfigException e) {
        String detail = e.getMessage();
        if (e instanceof InvalidConfigException) {
            return badRequest(String.valueOf(detail));
        }
        if (e instanceof VersionConflictException conflict) {
            Problem problem = new Problem(409, "version-conflict", "Version conflict", detail);
            if (conflict.condition() instanceof Condition.Version expected) {
                problem.with("expectedVersion", expected.version());
            } else if (conflict.condition() instanceof Condition.Absent) {
                problem.with("expectedVersion", 0);
            }
            return problem.with("actualVersion", conflict.actualVersion());
        }
        if (e instanceof StoreException store) {
            return store.isTransient()
                    ? new Problem(503, "store-unavailable", "The store cannot be reached", detail)
                    : new Problem(500, "store-unusable", "The store refuses", detail);
        }
        if (e instanceof OutboxFullException) {
            return new Problem(503, "outbox-full", "The outbox is full", detail);
        }
        if (e instanceof ManagerStateException) {
            return new Problem(503, "not-connected", "Configuration is not connected", detail);
        }
        throw e;
    }

    Problem with(String member, @Nullable Object value) {
        members.put(member, value);
        return this;
    }

    WebEndpointResponse<Map<String, @Nullable Object>> response() {
        return new WebEndpointResponse<>(OperationResponseBody.of(members), status, TYPE);
    }
}
