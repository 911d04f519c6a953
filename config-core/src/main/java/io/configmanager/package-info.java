// SPDX-License-Identifier: Apache-2.0
/** What an application uses: interfaces, records and exceptions of live configuration, no behaviour. */
@NullMarked
package io.configmanager;

import org.jspecify.annotations.NullMarked;
