// SPDX-License-Identifier: Apache-2.0
/** The application of the quickstarts: values that change while it runs, and a page that shows it. Knows no database. */
@NullMarked
package io.configmanager.samples.quickstart;

import org.jspecify.annotations.NullMarked;
