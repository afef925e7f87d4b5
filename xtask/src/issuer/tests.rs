use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;

fn request() -> TokenRequest {
    let scope = "upgrade:read upgrade:plan".to_owned();
    TokenRequest {
        sub: "operator".to_owned(),
        tenant: "acme".to_owned(),
        scope,
        ttl_seconds: 60,
    }
}

fn issuer() -> Arc<Issuer> {
    Arc::new(Issuer {
        url: "http://127.0.0.1:1".to_owned(),
        key: SigningKey::generate().unwrap(),
    })
}

#[tokio::test]
async fn a_token_verifies_against_the_published_key_only() {
    let issuer = issuer();
    let answer = token(State(Arc::clone(&issuer)), Json(request()))
        .await
        .unwrap()
        .0;
    let mut checks = Validation::new(Algorithm::RS256);
    checks.set_audience(&[AUDIENCE]);
    checks.set_issuer(&[&issuer.url]);
    let verify = |key: Value| {
        let key: Jwk = serde_json::from_value(key).unwrap();
        let key = DecodingKey::from_jwk(&key).unwrap();
        jsonwebtoken::decode::<Value>(&answer.access_token, &key, &checks)
    };
    let published = key_set(State(Arc::clone(&issuer))).await.0["keys"][0].clone();
    let claims = verify(published).unwrap().claims;
    assert_eq!(claims["sub"], "operator");
    assert_eq!(claims["tenant"], "acme");
    assert_eq!(claims["scope"], "upgrade:read upgrade:plan");
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        60
    );
    assert!(verify(SigningKey::generate().unwrap().public()).is_err());
}

#[tokio::test]
async fn a_token_without_tenant_or_with_an_endless_life_is_refused() {
    let issuer = issuer();
    let nobody = TokenRequest {
        tenant: String::new(),
        ..request()
    };
    let endless = TokenRequest {
        ttl_seconds: LONGEST_TTL_SECONDS + 1,
        ..request()
    };
    for refused in [nobody, endless] {
        let answer = token(State(Arc::clone(&issuer)), Json(refused)).await;
        assert_eq!(answer.unwrap_err().0, StatusCode::BAD_REQUEST);
    }
}
