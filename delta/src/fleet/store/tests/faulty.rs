//! An object store that fails as it is told.

use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This many fail, the next ones do not.
    Fail(u64),
    /// This many are carried out, but their answer is lost.
    LoseAnswer(u64),
    /// All fail.
    Down,
    /// None is answered.
    Hang,
    /// All are refused.
    Deny,
    /// The disk is full.
    Full,
}

/// What to do about one request.
enum Way {
    Go,
    GoAndLose,
    Not(Error),
}

/// Memory behind faults, which only meet requests that change something when `writes_only` is said.
#[derive(Debug)]
pub(super) struct Faulty {
    below: Arc<InMemory>,
    faults: Arc<Faults>,
}

/// A request that something can happen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Put,
    List,
    Removal,
}

/// Something that happens while a request is on its way.
type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct Faults {
    fault: Mutex<Option<Fault>>,
    writes_only: bool,
    /// Requests so far.
    pub(super) requests: AtomicU64,
    /// Called while the first such request for a folder of this name, or what is in it, is on its way.
    at: Mutex<Option<(Request, &'static str, Meanwhile)>>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Faulty {
    pub(super) fn new(fault: Option<Fault>, writes_only: bool) -> (Self, Arc<Faults>) {
        let faults = Arc::new(Faults { fault: Mutex::new(fault), writes_only, ..Faults::default() });
        (Self { below: Arc::new(InMemory::new()), faults: Arc::clone(&faults) }, faults)
    }
}

fn generic(text: &'static str) -> Error {
    Error::Generic { store: "faulty", source: text.into() }
}

impl Faults {
    pub(super) fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    pub(super) fn at(
        &self,
        request: Request,
        folder: &'static str,
        meanwhile: impl FnOnce() + Send + 'static,
    ) {
        *self.at.lock().unwrap() = Some((request, folder, Box::new(meanwhile)));
    }

    async fn on_its_way(&self, request: Request, path: &Path) {
        let meanwhile = {
            let mut at = self.at.lock().unwrap();
            let is_it = |(which, folder, _): &(Request, &str, Meanwhile)| {
                *which == request && path.parts().any(|part| part.as_ref() == *folder)
            };
            if at.as_ref().is_some_and(is_it) { at.take() } else { None }
        };
        if let Some((_, _, meanwhile)) = meanwhile {
            tokio::task::spawn_blocking(meanwhile).await.unwrap();
        }
    }

    async fn way(&self, writes: bool) -> Way {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = {
            let mut fault = self.fault.lock().unwrap();
            let now = if writes || !self.writes_only { *fault } else { None };
            *fault = match (now, *fault) {
                (Some(Fault::Fail(1) | Fault::LoseAnswer(1)), _) => None,
                (Some(Fault::Fail(left)), _) => Some(Fault::Fail(left - 1)),
                (Some(Fault::LoseAnswer(left)), _) => Some(Fault::LoseAnswer(left - 1)),
                (_, kept) => kept,
            };
            now
        };
        match fault {
            None => Way::Go,
            Some(Fault::LoseAnswer(_)) => Way::GoAndLose,
            Some(Fault::Fail(_) | Fault::Down) => Way::Not(generic("out of order")),
            Some(Fault::Deny) => {
                Way::Not(Error::PermissionDenied { path: "here".into(), source: "not you".into() })
            }
            Some(Fault::Full) => Way::Not(Error::Generic {
                store: "faulty",
                source: Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
            }),
            Some(Fault::Hang) => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Way::Not(generic("hung"))
            }
        }
    }

    async fn meet<T>(&self, writes: bool, request: impl Future<Output = Result<T>>) -> Result<T> {
        match self.way(writes).await {
            Way::Go => request.await,
            Way::GoAndLose => {
                request.await?;
                Err(generic("the connection broke"))
            }
            Way::Not(error) => Err(error),
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl ObjectStore for Faulty {
    fn put_opts<'a, 's, 't>(
        &'a self,
        location: &'s Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Boxed<'t, PutResult>
    where
        'a: 't,
        's: 't,
        Self: 't,
    {
        Box::pin(async move {
            self.faults.on_its_way(Request::Put, location).await;
            self.faults.meet(true, self.below.put_opts(location, payload, options)).await
        })
    }

    fn put_multipart_opts<'a, 's, 't>(
        &'a self,
        location: &'s Path,
        options: PutMultipartOptions,
    ) -> Boxed<'t, Box<dyn MultipartUpload>>
    where
        'a: 't,
        's: 't,
        Self: 't,
    {
        Box::pin(async move {
            let faults = Arc::clone(&self.faults);
            let below = self.faults.meet(true, self.below.put_multipart_opts(location, options)).await?;
            Ok(Box::new(FaultyUpload { below, faults }) as Box<dyn MultipartUpload>)
        })
    }

    fn get_opts<'a, 's, 't>(&'a self, location: &'s Path, options: GetOptions) -> Boxed<'t, GetResult>
    where
        'a: 't,
        's: 't,
        Self: 't,
    {
        Box::pin(self.faults.meet(false, self.below.get_opts(location, options)))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        use futures_util::StreamExt;
        let (below, faults) = (Arc::clone(&self.below), Arc::clone(&self.faults));
        Box::pin(locations.then(move |path| {
            let (below, faults) = (Arc::clone(&below), Arc::clone(&faults));
            async move {
                let path = path?;
                faults.on_its_way(Request::Removal, &path).await;
                faults.meet(true, object_store::ObjectStoreExt::delete(&*below, &path)).await?;
                Ok(path)
            }
        }))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        use futures_util::{StreamExt, TryStreamExt, stream};
        let (below, faults) = (Arc::clone(&self.below), Arc::clone(&self.faults));
        let all = move |prefix: &Path| below.list(Some(prefix));
        let prefix = prefix.cloned().unwrap_or_default();
        let whether = async move {
            faults.on_its_way(Request::List, &prefix).await;
            let all = all(&prefix);
            faults.meet(false, async { Ok(all) }).await
        };
        stream::once(whether).try_flatten().boxed()
    }

    fn list_with_delimiter<'a, 's, 't>(&'a self, prefix: Option<&'s Path>) -> Boxed<'t, ListResult>
    where
        'a: 't,
        's: 't,
        Self: 't,
    {
        Box::pin(self.faults.meet(false, self.below.list_with_delimiter(prefix)))
    }

    fn copy_opts<'a, 's, 'd, 't>(
        &'a self,
        from: &'s Path,
        to: &'d Path,
        options: CopyOptions,
    ) -> Boxed<'t, ()>
    where
        'a: 't,
        's: 't,
        'd: 't,
        Self: 't,
    {
        Box::pin(self.faults.meet(true, self.below.copy_opts(from, to, options)))
    }
}

#[derive(Debug)]
struct FaultyUpload {
    below: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
}

impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, faults) = (self.below.put_part(data), Arc::clone(&self.faults));
        Box::pin(async move { faults.meet(true, part).await })
    }

    fn complete<'a, 't>(&'a mut self) -> Boxed<'t, PutResult>
    where
        'a: 't,
        Self: 't,
    {
        Box::pin(async move { self.faults.meet(true, self.below.complete()).await })
    }

    fn abort<'a, 't>(&'a mut self) -> Boxed<'t, ()>
    where
        'a: 't,
        Self: 't,
    {
        self.below.abort()
    }
}
