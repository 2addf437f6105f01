-- The limits of a quote are called `min_minor` and `max_minor`, like those of a page.

update checkout.session
set quote = quote - 'least_minor' - 'most_minor'
  || jsonb_build_object('min_minor', quote -> 'least_minor', 'max_minor', quote -> 'most_minor')
where quote ? 'least_minor';

update orders."order"
set quote = quote - 'least_minor' - 'most_minor'
  || jsonb_build_object('min_minor', quote -> 'least_minor', 'max_minor', quote -> 'most_minor')
where quote ? 'least_minor';
