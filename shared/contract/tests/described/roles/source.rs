//! Rust sources, read for who calls what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprCall, ExprMethodCall, ExprPath, ExprStruct, FnArg, GenericArgument, GenericParam,
    ImplItem, Item, Macro, Pat, PathArguments, Signature, Token, Type, TypeParamBound, Visibility,
    WherePredicate,
};

/// The sources of one crate.
#[derive(Default)]
pub struct Source {
    pub functions: Vec<Function>,
    /// Methods of each trait.
    pub traits: BTreeMap<String, BTreeSet<String>>,
    /// Types of each struct's fields by name, and its type parameters in their order.
    pub structs: BTreeMap<String, (Vec<String>, BTreeMap<String, String>)>,
    /// The SDK crate that a module uses, by module.
    pub services: BTreeMap<Vec<String>, String>,
}

/// A function or method.
pub struct Function {
    pub module: Vec<String>,
    /// The type that it is a method of, and the trait where it is one of a trait.
    pub of: Option<(String, Option<String>)>,
    pub name: String,
    /// Whether other modules may call it; not known of methods.
    pub is_shared: bool,
    /// Traits of each parameter that has a type of its caller's choice; `a.b` for a field of a generic struct.
    pub bounds: BTreeMap<String, BTreeSet<String>>,
    pub calls: Vec<Call>,
    /// Every path that is a value, as `Write::Put` or `lock_write`.
    pub mentions: BTreeSet<String>,
    /// The texts in it.
    pub texts: Vec<String>,
}

/// A call; of a method when it has a receiver.
pub struct Call {
    pub receiver: Option<String>,
    pub path: Vec<String>,
    pub arguments: Vec<String>,
}

impl Call {
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }
}

/// Reads a crate's sources, without its tests and fakes.
pub fn read(folder: &Path) -> Source {
    let mut source = Source::default();
    read_folder(&mut source, folder, &[]);
    source
}

fn read_folder(source: &mut Source, folder: &Path, module: &[String]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["tests", "fakes"].contains(&stem.as_str()) {
            continue;
        }
        let inner: Vec<_> = module.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() {
            read_folder(source, &path, &inner);
        } else {
            let root = ["main", "lib", "mod"].contains(&stem.as_str());
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap());
            let file = file.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            read_items(source, &file.items, if root { module } else { &inner });
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let test = |a: &&Attribute| {
        a.path().is_ident("cfg")
            && a.meta
                .require_list()
                .is_ok_and(|l| l.tokens.to_string().contains("test"))
    };
    attributes.iter().any(|a| test(&a))
}

fn read_items(source: &mut Source, items: &[Item], module: &[String]) {
    for item in items {
        match item {
            Item::Mod(inner) if !is_test(&inner.attrs) => {
                if let Some((_, items)) = &inner.content {
                    let path: Vec<_> = module.iter().cloned().chain([inner.ident.to_string()]).collect();
                    read_items(source, items, &path);
                }
            }
            Item::Fn(function) if !is_test(&function.attrs) => {
                let mut read = Function::new(module, None, &function.sig);
                read.is_shared = !matches!(function.vis, Visibility::Inherited);
                Body(&mut read).visit_block(&function.block);
                source.functions.push(read);
            }
            Item::Impl(block) => {
                let port = block.trait_.as_ref().map(|(_, path, _)| last(path));
                for item in &block.items {
                    if let ImplItem::Fn(method) = item {
                        let of = (type_name(&block.self_ty), port.clone());
                        let mut read = Function::new(module, Some(of), &method.sig);
                        Body(&mut read).visit_block(&method.block);
                        source.functions.push(read);
                    }
                }
            }
            Item::Trait(defined) => {
                let methods = defined.items.iter().filter_map(|i| match i {
                    syn::TraitItem::Fn(method) => Some(method.sig.ident.to_string()),
                    _ => None,
                });
                source.traits.insert(defined.ident.to_string(), methods.collect());
            }
            Item::Struct(defined) => {
                let parameters = defined.generics.type_params().map(|p| p.ident.to_string());
                let fields = defined
                    .fields
                    .iter()
                    .filter_map(|f| Some((f.ident.as_ref()?.to_string(), type_name(&f.ty))));
                let read = (parameters.collect(), fields.collect());
                source.structs.insert(defined.ident.to_string(), read);
            }
            Item::Use(used) => {
                if let syn::UseTree::Path(path) = &used.tree
                    && let Some(service) = path.ident.to_string().strip_prefix("aws_sdk_")
                {
                    source.services.insert(module.to_vec(), service.to_owned());
                }
            }
            _ => {}
        }
    }
}

fn last(path: &syn::Path) -> String {
    path.segments
        .last()
        .map_or_else(String::new, |s| s.ident.to_string())
}

/// The name of a type, through references.
fn type_name(kind: &Type) -> String {
    match kind {
        Type::Reference(reference) => type_name(&reference.elem),
        Type::Paren(inner) => type_name(&inner.elem),
        Type::Path(path) => last(&path.path),
        _ => String::new(),
    }
}

fn traits<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> BTreeSet<String> {
    let named = bounds.into_iter().filter_map(|b| match b {
        TypeParamBound::Trait(bound) => Some(last(&bound.path)),
        _ => None,
    });
    named.collect()
}

impl Function {
    fn new(module: &[String], of: Option<(String, Option<String>)>, signature: &Signature) -> Self {
        let mut chosen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for parameter in &signature.generics.params {
            if let GenericParam::Type(parameter) = parameter {
                let bounds = traits(&parameter.bounds);
                chosen
                    .entry(parameter.ident.to_string())
                    .or_default()
                    .extend(bounds);
            }
        }
        for predicate in signature.generics.where_clause.iter().flat_map(|w| &w.predicates) {
            if let WherePredicate::Type(predicate) = predicate {
                let name = type_name(&predicate.bounded_ty);
                chosen.entry(name).or_default().extend(traits(&predicate.bounds));
            }
        }
        let mut bounds = BTreeMap::new();
        for input in &signature.inputs {
            if let FnArg::Typed(typed) = input
                && let Pat::Ident(name) = &*typed.pat
            {
                bound(&mut bounds, &name.ident.to_string(), &typed.ty, &chosen);
            }
        }
        Self {
            module: module.to_vec(),
            of,
            name: signature.ident.to_string(),
            is_shared: false,
            bounds,
            calls: Vec::new(),
            mentions: BTreeSet::new(),
            texts: Vec::new(),
        }
    }

    pub fn place(&self) -> String {
        format!("{}::{}", self.module.join("::"), self.name)
    }
}

/// Notes the traits of a parameter: those of its type, or those of the arguments of its type by their places.
fn bound(
    bounds: &mut BTreeMap<String, BTreeSet<String>>,
    name: &str,
    kind: &Type,
    chosen: &BTreeMap<String, BTreeSet<String>>,
) {
    match kind {
        Type::Reference(reference) => bound(bounds, name, &reference.elem, chosen),
        Type::Paren(inner) => bound(bounds, name, &inner.elem, chosen),
        Type::ImplTrait(given) => {
            bounds.insert(name.to_owned(), traits(&given.bounds));
        }
        Type::Path(path) => {
            if let Some(traits) = chosen.get(&last(&path.path)) {
                bounds.insert(name.to_owned(), traits.clone());
            }
            let Some(PathArguments::AngleBracketed(given)) = path.path.segments.last().map(|s| &s.arguments)
            else {
                return;
            };
            for (place, argument) in given.args.iter().enumerate() {
                if let GenericArgument::Type(argument) = argument
                    && let Some(traits) = chosen.get(&type_name(argument))
                {
                    bounds.insert(name.to_owned(), BTreeSet::new());
                    let place = format!("{name}.{}#{place}", last(&path.path));
                    bounds.insert(place, traits.clone());
                }
            }
        }
        _ => {}
    }
}

/// Notes what a function's body calls and mentions.
struct Body<'a>(&'a mut Function);

impl<'ast> Visit<'ast> for Body<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func {
            self.0.calls.push(Call {
                receiver: None,
                path: segments(&path.path),
                arguments: call.args.iter().map(key).collect(),
            });
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.0.calls.push(Call {
            receiver: Some(key(&call.receiver)),
            path: vec![call.method.to_string()],
            arguments: call.args.iter().map(key).collect(),
        });
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.0.mentions.insert(segments(&path.path).join("::"));
    }

    fn visit_expr_struct(&mut self, made: &'ast ExprStruct) {
        self.0.mentions.insert(segments(&made.path).join("::"));
        visit::visit_expr_struct(self, made);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.texts.push(text.value());
    }

    /// Macros whose arguments are expressions, as `format!` and `tokio::try_join!`.
    fn visit_macro(&mut self, invoked: &'ast Macro) {
        if let Ok(arguments) = invoked.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            for argument in &arguments {
                // It does not live as long as the file, and need not.
                Body(self.0).visit_expr(argument);
            }
        }
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|s| s.ident.to_string()).collect()
}

/// What a simple expression is called: `table`, `outlets.bus`, `Command::Release`; empty for any other.
fn key(expression: &Expr) -> String {
    match expression {
        Expr::Path(path) => segments(&path.path).join("::"),
        Expr::Struct(made) => segments(&made.path).join("::"),
        Expr::Reference(inner) => key(&inner.expr),
        Expr::Paren(inner) => key(&inner.expr),
        Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => format!("{}.{name}", key(&field.base)),
            syn::Member::Unnamed(_) => String::new(),
        },
        _ => String::new(),
    }
}
