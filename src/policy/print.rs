//! Documents as JSON.

use super::model::{Condition, Document, Principal, Statement};
use serde_json::{Map, Value, json};

impl Document {
    /// The same document in the one order that all its spellings share: statements by effect, actions, resources and
    /// conditions; lists sorted and without repetitions. Equal statements all stay.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut statements: Vec<Statement> = self.statements.iter().map(Statement::canonical).collect();
        statements.sort_by_cached_key(|one| (one.effect, one.actions.clone(), one.resources.clone(), rest(one)));
        Self { principal: self.principal.as_ref().map(Principal::canonical), statements }
    }

    /// The document as JSON, in the order it has. Element names are in lower case, single entries stand in lists, actions
    /// have no `name/` in front.
    pub fn to_value(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(Statement::to_value).collect();
        let mut map = Map::new();
        map.insert("version".into(), json!("2.0"));
        map.insert("statement".into(), Value::Array(statements));
        if let Some(principal) = &self.principal {
            map.insert("principal".into(), principal.to_value());
        }
        Value::Object(map)
    }

    /// The canonical document as indented JSON with a newline at the end.
    pub fn to_pretty(&self) -> String {
        format!("{:#}\n", self.canonical().to_value())
    }

    /// Characters of the document as JSON, whitespace not counted: what CAM limits.
    pub fn length(&self) -> usize {
        self.to_value().to_string().chars().filter(|c| !c.is_whitespace()).count()
    }
}

/// What orders statements of equal effect, actions and resources.
fn rest(statement: &Statement) -> String {
    let principal = statement.principal.as_ref().map(Principal::to_value).unwrap_or_default();
    json!([condition_value(&statement.conditions), principal]).to_string()
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list.dedup();
    list
}

impl Statement {
    /// The statement with its lists in order.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut conditions: Vec<Condition> = self.conditions.iter().map(Condition::canonical).collect();
        conditions.sort_by(|a, b| (&a.operator, &a.key).cmp(&(&b.operator, &b.key)));
        let bare: Vec<String> = self.actions.iter().map(|action| super::action::bare(action).to_string()).collect();
        Self {
            effect: self.effect,
            principal: self.principal.as_ref().map(Principal::canonical),
            actions: sorted(&bare),
            resources: sorted(&self.resources),
            conditions,
        }
    }

    /// The statement as JSON, in the order it has.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("effect".into(), json!(self.effect));
        if let Some(principal) = &self.principal {
            map.insert("principal".into(), principal.to_value());
        }
        map.insert("action".into(), json!(self.actions));
        if !self.resources.is_empty() {
            map.insert("resource".into(), json!(self.resources));
        }
        if !self.conditions.is_empty() {
            map.insert("condition".into(), condition_value(&self.conditions));
        }
        Value::Object(map)
    }
}

impl Condition {
    fn canonical(&self) -> Self {
        let mut values = self.values.clone();
        values.sort_by_cached_key(Value::to_string);
        values.dedup();
        Self { operator: self.operator.clone(), key: self.key.clone(), values }
    }
}

fn condition_value(conditions: &[Condition]) -> Value {
    let mut operators = Map::new();
    for Condition { operator, key, values } in conditions {
        let keys = operators.entry(operator.clone()).or_insert_with(|| json!({}));
        if let Value::Object(keys) = keys {
            keys.insert(key.clone(), Value::Array(values.clone()));
        }
    }
    Value::Object(operators)
}

impl Principal {
    fn canonical(&self) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Listed { qcs, service, federated } => {
                Self::Listed { qcs: sorted(qcs), service: sorted(service), federated: sorted(federated) }
            }
        }
    }

    fn to_value(&self) -> Value {
        let Self::Listed { qcs, service, federated } = self else { return json!("*") };
        let lists = [("qcs", qcs), ("service", service), ("federated", federated)];
        let filled = lists.into_iter().filter(|(_, list)| !list.is_empty());
        Value::Object(filled.map(|(name, list)| (name.to_string(), json!(list))).collect())
    }
}
