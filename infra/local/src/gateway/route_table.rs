//! Which route of the template a request takes, by the rules of API Gateway's HTTP APIs.

use std::collections::BTreeSet;

use crate::StartError;
use crate::template::{Route, resource_fault};

/// The routes of the template.
#[derive(Debug)]
pub(crate) struct RouteTable {
    routes: Vec<Route>,
}

/// How well a segment of a route fits. Ordered: a literal is better than a parameter.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Greedy,
    Parameter,
    Literal,
}

impl RouteTable {
    /// # Errors
    /// A route that is there twice, which API Gateway would refuse too.
    pub(crate) fn new(routes: Vec<Route>) -> Result<Self, StartError> {
        let mut seen = BTreeSet::new();
        for route in &routes {
            if !seen.insert((&route.method, &route.path)) {
                let key = format!("{} {}", route.method, route.path);
                return Err(resource_fault(&key, "the route is there twice").into());
            }
        }
        Ok(Self { routes })
    }

    /// The route for a request; `path` is the path of its URL, still percent-encoded. The most
    /// specific path wins, and its own method wins over `ANY`.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|route| route.method == method || route.method == "ANY")
            .filter_map(|route| Some((fit(&route.path, path)?, route.method == method, route)))
            .max_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)))
            .map(|(_, _, route)| route)
    }
}

/// How `path` fits to `pattern`, segment by segment; `None` if it does not. A parameter stands for
/// one segment that is not empty, `{name+}` for one or more at the end.
fn fit(pattern: &str, path: &str) -> Option<Vec<Fit>> {
    let mut segments = path.split('/');
    let mut fits = Vec::new();
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected
            .strip_prefix('{')
            .and_then(|parameter| parameter.strip_suffix('}'))
        {
            _ if expected == segment => fits.push(Fit::Literal),
            None => return None,
            Some(_) if segment.is_empty() => return None,
            Some(name) if name.ends_with('+') => {
                fits.push(Fit::Greedy);
                return Some(fits);
            }
            Some(_) => fits.push(Fit::Parameter),
        }
    }
    segments.next().is_none().then_some(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(key: &str) -> Route {
        let (method, path) = key.split_once(' ').unwrap();
        Route {
            method: method.to_owned(),
            path: path.to_owned(),
            function: key.to_owned(),
        }
    }

    #[test]
    fn a_route_that_is_there_twice_is_named() {
        let routes = ["GET /things", "POST /things", "GET /things"].map(route);
        let fault = RouteTable::new(routes.into()).unwrap_err().to_string();
        assert!(fault.contains("GET /things"), "{fault}");
    }

    #[test]
    fn the_most_specific_route_wins() {
        let table = RouteTable::new(
            [
                "ANY /things/{id}",
                "GET /things/{id}",
                "GET /things/all",
                "GET /{proxy+}",
                "POST /things",
            ]
            .map(route)
            .into(),
        )
        .unwrap();
        for (method, path, expected) in [
            ("GET", "/things/all", Some("GET /things/all")),
            ("GET", "/things/1", Some("GET /things/{id}")),
            ("GET", "/things/a%2Fb", Some("GET /things/{id}")),
            ("OPTIONS", "/things/1", Some("ANY /things/{id}")),
            ("GET", "/things/1/2", Some("GET /{proxy+}")),
            ("POST", "/things", Some("POST /things")),
            ("POST", "/things/", None),
            ("DELETE", "/things", None),
            ("GET", "/", None),
        ] {
            let found = table.find(method, path);
            assert_eq!(
                found.map(|route| route.function.as_str()),
                expected,
                "{method} {path}"
            );
        }
    }
}
