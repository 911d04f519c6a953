// SPDX-License-Identifier: Apache-2.0
/** What a Spring application uses of live configuration beside the library itself. */
@NullMarked
package io.configmanager.spring;

import org.jspecify.annotations.NullMarked;
