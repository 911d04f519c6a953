// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

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

    Problem with(String member, @Nullable Object value) {
        members.put(member, value);
        return this;
    }

    WebEndpointResponse<Map<String, @Nullable Object>> response() {
        return new WebEndpointResponse<>(OperationResponseBody.of(members), status, TYPE);
    }
}
