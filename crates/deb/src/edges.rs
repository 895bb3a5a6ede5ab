//! Two tables of dependencies, as data with reasons: edges that only a maintainer script needs and
//! that are cut, and edges that nobody declares and that are added.
