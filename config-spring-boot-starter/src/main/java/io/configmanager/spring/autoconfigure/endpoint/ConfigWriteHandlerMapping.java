// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.security.Principal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.InvalidEndpointRequestException;
import org.springframework.boot.actuate.endpoint.InvocationContext;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.web.EndpointMapping;
import org.springframework.boot.actuate.endpoint.web.EndpointMediaTypes;
import org.springframework.boot.actuate.endpoint.web.ExposableWebEndpoint;
import org.springframework.boot.actuate.endpoint.web.WebEndpointHttpMethod;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.WebOperation;
import org.springframework.boot.actuate.endpoint.web.WebOperationRequestPredicate;
import org.springframework.boot.webmvc.actuate.endpoint.web.AbstractWebMvcEndpointHandlerMapping;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.util.ClassUtils;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.HandlerMapping;
import org.springframework.web.servlet.mvc.method.RequestMappingInfo;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * Takes the place of Spring Boot's own mapping for the write operation, which reads a body as a map of strings: a number
 * would become a text, an object would be refused, and broken JSON would be answered without a reason. Exists for exactly the
 * operations that Boot found to be exposed and accessible, and calls them as Boot does.
 */
final class ConfigWriteHandlerMapping extends AbstractWebMvcEndpointHandlerMapping {

    private static final int BEFORE_BOOT = -101;
    private static final int ENVELOPE = 64 * 1024;
    private static final long MAX_DRAINED = 64L * 1024 * 1024;
    private static final Set<String> TEXT_MEMBERS = Set.of("ttl", "comment", "author");
    private static final Set<String> FLAG_MEMBERS = Set.of("create", "secret", "dryRun");
    private static final Set<String> VERSION_MEMBERS = Set.of("version", "rollback");
    private static final Set<String> PARAMETERS = Set.of("author", "dryRun");
    private static final String VALUE = "value";

    private static final Method HANDLE =
            Objects.requireNonNull(ClassUtils.getMethodIfAvailable(Write.class, "handle", HttpServletRequest.class));

    private final EndpointMapping endpointMapping;
    private final long maximumBody;
    private final ObjectReader json = JsonMapper.builder()
            .build()
            .reader()
            .with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .with(StreamReadFeature.STRICT_DUPLICATE_DETECTION);

    /** @param maximumValue largest encoded value, in bytes; a body may be twice as large, for its escapes */
    ConfigWriteHandlerMapping(
            EndpointMapping endpointMapping,
            List<ExposableWebEndpoint> endpoints,
            EndpointMediaTypes mediaTypes,
            @Nullable CorsConfiguration cors,
            long maximumValue) {
        super(endpointMapping, endpoints, mediaTypes, cors, false);
        this.endpointMapping = endpointMapping;
        this.maximumBody = 2 * maximumValue + ENVELOPE;
        setOrder(BEFORE_BOOT);
    }

    @Override
    protected void registerMapping(
            ExposableWebEndpoint endpoint,
            WebOperationRequestPredicate predicate,
            WebOperation operation,
            String path) {
        if (predicate.getHttpMethod() == WebEndpointHttpMethod.POST) {
            RequestMappingInfo.BuilderConfiguration options = new RequestMappingInfo.BuilderConfiguration();
            options.setPatternParser(getPatternParser());
            registerMapping(
                    RequestMappingInfo.paths(endpointMapping.createSubPath(predicate.getPath()))
                            .methods(RequestMethod.POST)
                            .consumes(predicate.getConsumes().toArray(String[]::new))
                            .options(options)
                            .build(),
                    new Write(operation),
                    HANDLE);
        }
    }

    /** Whatever is not a write belongs to Boot's mapping, with its answers for wrong methods and media types. */
    @Override
    protected @Nullable HandlerMethod handleNoMatch(
            Set<RequestMappingInfo> infos, String lookupPath, HttpServletRequest request) {
        return null;
    }

    @Override
    protected LinksHandler getLinksHandler() {
        throw new UnsupportedOperationException("Links are Boot's");
    }

    private ResponseEntity<?> write(WebOperation operation, HttpServletRequest request) throws IOException {
        byte[] body = read(request);
        if (body == null) {
            return respond(new Problem(
                            413,
                            "too-large",
                            "Too large",
                            "The body is larger than the limit of " + maximumBody
                                    + " bytes; config.value.maximum-size limits a value")
                    .response());
        }
        Map<String, Object> arguments = new HashMap<>();
        Problem problem = readMembers(body, arguments);
        if (problem != null) {
            return respond(problem.response());
        }
        @SuppressWarnings("unchecked")
        Map<String, String> path =
                (Map<String, String>) request.getAttribute(HandlerMapping.URI_TEMPLATE_VARIABLES_ATTRIBUTE);
        arguments.put("namespace", path.get("namespace"));
        String key = path.getOrDefault("key", "");
        arguments.put("key", new String[] {key.startsWith("/") ? key.substring(1) : key});
        for (String name : request.getParameterMap().keySet()) {
            boolean isMember =
                    VERSION_MEMBERS.contains(name) || FLAG_MEMBERS.contains(name) || TEXT_MEMBERS.contains(name);
            if ((isMember && !PARAMETERS.contains(name)) || arguments.containsKey(name)) {
                return respond(Problem.badRequest("'" + name + "' belongs into the body, and only there")
                        .response());
            }
            if (isMember) {
                arguments.put(name, request.getParameter(name));
            }
        }
        try {
            Object result = operation.invoke(new InvocationContext(new Caller(request), arguments));
            return result instanceof WebEndpointResponse<?> response ? respond(response) : ResponseEntity.ok(result);
        } catch (InvalidEndpointRequestException e) {
            return respond(Problem.badRequest(String.valueOf(e.getReason())).response());
        }
    }

    private @Nullable Problem readMembers(byte[] body, Map<String, Object> arguments) {
        JsonNode root;
        try {
            root = json.readTree(body);
        } catch (JacksonException e) {
            return new Problem(400, "not-json", "Not JSON", "The body is not JSON" + at(e));
        } catch (NumberFormatException | ArithmeticException e) {
            return new Problem(400, "not-json", "Not JSON", "The body has a number that is too large");
        }
        if (!root.isObject()) {
            return new Problem(
                    400, "not-json", "Not a JSON object", "The body must be a JSON object with the member 'value'");
        }
        for (Map.Entry<String, JsonNode> member : root.properties()) {
            String name = member.getKey();
            JsonNode value = member.getValue();
            boolean fits = name.equals(VALUE)
                    || (VERSION_MEMBERS.contains(name) && value.isIntegralNumber())
                    || (FLAG_MEMBERS.contains(name) && value.isBoolean())
                    || (TEXT_MEMBERS.contains(name) && value.isString());
            if (value.isNull()) {
                continue;
            }
            if (!fits) {
                return Problem.badRequest("The member '" + name
                        + "' is unknown or of the wrong type; known are value (any JSON), version and rollback (integer),"
                        + " create, secret and dryRun (boolean), ttl, comment and author (string)");
            }
            arguments.put(name, name.equals(VALUE) ? value : value.asString());
        }
        return null;
    }

    /** The body, or null if it is too large. Then it is read to its end, because a client may not listen before. */
    private byte @Nullable [] read(HttpServletRequest request) throws IOException {
        InputStream in = request.getInputStream();
        if (request.getContentLengthLong() <= maximumBody) {
            byte[] body = in.readNBytes((int) Math.min(Integer.MAX_VALUE - 8L, maximumBody + 1));
            if (body.length <= maximumBody) {
                return body;
            }
        }
        long drained = 0;
        byte[] buffer = new byte[8192];
        for (int count = in.read(buffer); count >= 0 && drained < MAX_DRAINED; count = in.read(buffer)) {
            drained += count;
        }
        return null;
    }

    private static String at(JacksonException e) {
        return e.getLocation() == null || e.getLocation().getLineNr() < 1
                ? ""
                : ": line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr();
    }

    private static ResponseEntity<?> respond(WebEndpointResponse<?> response) {
        ResponseEntity.BodyBuilder builder = ResponseEntity.status(HttpStatusCode.valueOf(response.getStatus()));
        if (response.getContentType() != null) {
            builder.contentType(MediaType.asMediaType(response.getContentType()));
        }
        return builder.body(response.getBody());
    }

    /** One write operation, as Spring MVC calls it. */
    final class Write {

        private final WebOperation operation;

        private Write(WebOperation operation) {
            this.operation = operation;
        }

        public ResponseEntity<?> handle(HttpServletRequest request) throws IOException {
            return write(operation, request);
        }

        @Override
        public String toString() {
            return "Actuator web endpoint '" + operation.getId() + "'";
        }
    }

    private record Caller(HttpServletRequest request) implements SecurityContext {

        @Override
        public @Nullable Principal getPrincipal() {
            return request.getUserPrincipal();
        }

        @Override
        public boolean isUserInRole(String role) {
            return request.isUserInRole(role);
        }
    }
}
